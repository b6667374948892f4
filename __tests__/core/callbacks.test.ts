import {
  askCallback,
  askSyncCallback,
  callEach,
  notifyCallback,
  readDecision,
  readIdentity,
} from '../../lib/core/callbacks.js';
import { TaskError } from '../../lib/core/errors.js';
import { ProcessGuard } from '../support/processes/process-guard.js';
import { boom, WAYS_TO_FAIL } from '../support/jobs/ways-to-fail.js';

const throwThis = (value: unknown) => (): never => {
  throw value;
};
const FAILURES: (readonly [how: string, callback: () => unknown])[] = [
  ...WAYS_TO_FAIL,
  ['throws what throws when it is looked at', throwThis(new Proxy(boom, { get: throwThis(boom) }))],
];

let warnings: jest.SpyInstance;
let guard: ProcessGuard;
beforeEach(() => {
  warnings = jest.spyOn(process, 'emitWarning').mockReturnValue();
  guard = new ProcessGuard();
});
afterEach(async () => {
  await new Promise(setImmediate);
  expect(guard.take()).toEqual([]);
  guard.close();
  warnings.mockRestore();
});

describe('notifyCallback', () => {
  it.each(FAILURES)('warns and throws nothing where the callback %s', async (_how, callback) => {
    notifyCallback('a listener of "connect"', callback);
    await new Promise(setImmediate);
    expect(warnings.mock.calls).toEqual([
      [expect.any(String), { type: 'CallbackWarning', detail: 'in a listener of "connect"' }],
    ]);
  });

  it('calls at once with the arguments, and does not warn where nothing fails', async () => {
    const callback = jest.fn();
    notifyCallback('onTaskError', callback, boom, 5);
    expect(callback.mock.calls).toEqual([[boom, 5]]);
    await new Promise(setImmediate);
    expect(warnings).not.toHaveBeenCalled();
  });
});

describe('askCallback', () => {
  it('returns the value, or what its promise resolves to', async () => {
    expect(await askCallback('owner', (name: string) => name, 'ann')).toBe('ann');
    expect(await askCallback('owner', async (name: string) => name, 'ann')).toBe('ann');
  });

  it.each(FAILURES)('rejects with CALLBACK_FAILED, and warns, where the callback %s', async (_how, callback) => {
    await expect(askCallback('owner', callback)).rejects.toMatchObject({
      name: 'TaskError',
      code: 'CALLBACK_FAILED',
      message: 'The callback owner failed',
    });
    expect(warnings).toHaveBeenCalledTimes(1);
  });

  it('keeps the error as the cause', async () => {
    await expect(askCallback('owner', throwThis(boom))).rejects.toMatchObject({ cause: boom });
  });

  it.each([
    ['a TaskError', new TaskError('INVALID_INPUT', 'Row 7')],
    ['an error with a status', Object.assign(new Error('Log in first'), { status: 401 })],
    ['an error with a statusCode', Object.assign(new Error('Pay first'), { statusCode: 402 })],
  ])('rejects with %s as it is, which is meant for the request', async (_what, error) => {
    await expect(askCallback('input', throwThis(error))).rejects.toBe(error);
    expect(warnings).not.toHaveBeenCalled();
  });
});

describe('askSyncCallback', () => {
  it('returns the value', () => {
    expect(askSyncCallback('subscriberId', () => 'tab-1')).toBe('tab-1');
  });

  it('throws CALLBACK_FAILED where the callback throws', () => {
    expect(() => askSyncCallback('subscriberId', throwThis(boom))).toThrow(
      expect.objectContaining({ code: 'CALLBACK_FAILED', cause: boom }),
    );
  });

  it.each([
    ['a promise', () => Promise.resolve('tab-1')],
    ['a promise that rejects', () => Promise.reject(boom)],
    ['a thenable', () => ({ then: () => undefined })],
  ])('refuses %s, and leaves no rejection behind', async (_what, callback) => {
    expect(() => askSyncCallback<[], unknown>('subscriberId', callback)).toThrow(
      expect.objectContaining({
        code: 'CALLBACK_FAILED',
        message: 'Expected subscriberId to return its value at once, since it is not awaited, got a promise',
      }),
    );
    await new Promise(setImmediate);
  });
});

describe('callEach', () => {
  it('calls the others where one throws, and warns of that one', () => {
    const called: number[] = [];
    callEach('a follower of a log', [1, 2, 3], (item) => {
      called.push(item);
      if (item === 2) throw boom;
    });
    expect(called).toEqual([1, 2, 3]);
    expect(warnings.mock.calls).toEqual([
      [expect.stringContaining('boom'), { type: 'CallbackWarning', detail: 'in a follower of a log' }],
    ]);
  });
});

describe('readIdentity', () => {
  it.each([undefined, 'a', 'ann@example.com', 'Zoë', '👩‍💻', 'x'.repeat(256)])('takes %p', (value) => {
    expect(readIdentity('owner', value)).toBe(value);
  });

  it.each([null, '', false, true, 0, 5, NaN, 5n, {}, ['ann'], Symbol('ann'), 'x'.repeat(257), '\ud800', 'a\udc00b'])(
    'refuses %p, and names the callback',
    (value) => {
      expect(() => readIdentity('owner', value)).toThrow(
        expect.objectContaining({
          code: 'CALLBACK_FAILED',
          message: expect.stringMatching(
            /^Expected owner to return a string of 1 to 256 characters, or undefined, got /,
          ),
        }),
      );
      expect(warnings).toHaveBeenCalledTimes(1);
    },
  );

  it('refuses a promise, and leaves no unhandled rejection behind', async () => {
    expect(() => readIdentity('userId', Promise.reject(boom))).toThrow('got a promise');
    await new Promise(setImmediate);
  });
});

describe('readDecision', () => {
  it('takes true and false', () => {
    expect([readDecision('authorize', true), readDecision('authorize', false)]).toEqual([true, false]);
  });

  it.each([undefined, null, 0, 1, '', 'yes', {}, []])('refuses %p, which merely looks like one', (value) => {
    expect(() => readDecision('authorize', value)).toThrow(/^Expected authorize to return true or false, got /);
  });
});
