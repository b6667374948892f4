import { TaskError, toPublicError, type PublicError } from '../../lib/core/errors.js';

const HIDDEN = { code: 'TASK_FAILED', message: 'The task failed' };
const SECRET = 'connect ECONNREFUSED postgres://user:secret@db/';

const publicOf = (error: unknown, exposeErrors: boolean, maxEventBytes = 1_024): PublicError =>
  toPublicError(error, { exposeErrors, maxEventBytes });

describe('TaskError', () => {
  it('is an Error with a code, a name and the cause', () => {
    const cause = new Error('underneath');
    const error = new TaskError('STORE_UNAVAILABLE', 'No answer', { cause });
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({ name: 'TaskError', code: 'STORE_UNAVAILABLE', message: 'No answer', cause });
    expect(String(error)).toBe('TaskError: No answer');
  });

  it('is distinguished from objects of the same shape, and from its own subclasses', () => {
    class RowError extends TaskError {}
    const row = new RowError('INVALID_INPUT', 'Row 7');
    expect([row instanceof RowError, row instanceof TaskError]).toEqual([true, true]);
    expect(new TaskError('INVALID_INPUT', 'x') instanceof RowError).toBe(false);
    expect({ name: 'TaskError', code: 'INVALID_INPUT', message: 'x' } instanceof TaskError).toBe(false);
    for (const none of [undefined, null, 'TaskError', 5, Symbol('x')])
      expect((none as unknown) instanceof TaskError).toBe(false);
  });

  it('is not mistaken for an object whose properties throw', () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    expect((proxy as unknown) instanceof TaskError).toBe(false);
  });
});

describe('toPublicError', () => {
  const revoked = Proxy.revocable({}, {});
  revoked.revoke();
  const throwing = Object.defineProperty(new Error('x'), 'message', {
    get: () => {
      throw new Error('no message');
    },
  });
  const hostile: [string, unknown][] = [
    ['an object without a prototype', Object.create(null)],
    ['a revoked proxy', revoked.proxy],
    ['an Error whose message throws', throwing],
    ['an Error whose message is no text', Object.assign(new Error('x'), { message: 5n })],
    ['an Error whose message is a cycle', Object.assign(new Error('x'), { message: globalThis })],
    [
      'an object whose toString throws',
      {
        toString: () => {
          throw new Error('no');
        },
      },
    ],
    ['a TaskError whose message was replaced', Object.assign(new TaskError('TASK_FAILED', 'x'), { message: 5n })],
  ];
  const plain: [string, unknown, string][] = [
    ['an Error', new Error(SECRET), SECRET],
    ['a string', SECRET, SECRET],
    ['undefined', undefined, 'undefined'],
    ['null', null, 'null'],
    ['a number', 42, '42'],
    ['a symbol', Symbol('s'), 'Symbol(s)'],
    ['an object', { message: SECRET }, SECRET],
  ];

  it.each([true, false])('shows a TaskError as it is (exposeErrors %s)', (expose) => {
    const error = new TaskError('INVALID_INPUT', 'The column "x" is missing', { cause: new Error(SECRET) });
    expect(publicOf(error, expose)).toEqual({ code: 'INVALID_INPUT', message: 'The column "x" is missing' });
  });

  it.each(plain)('hides %s unless it may be shown', (_, error, shown) => {
    expect(publicOf(error, false)).toEqual(HIDDEN);
    expect(publicOf(error, true)).toEqual({ code: 'TASK_FAILED', message: shown });
  });

  it.each(hostile)('makes text of %s, shown or not', (_, error) => {
    for (const expose of [true, false]) {
      const { code, message } = publicOf(error, expose);
      expect(code).toBe('TASK_FAILED');
      expect(typeof message).toBe('string');
    }
  });

  it.each(['x', 'ü', '☃', '😀', '"', '\0', '\ud800'])('cuts a text of %j that would not fit into an event', (unit) => {
    for (const maxEventBytes of [1, 3, 100, 1_024]) {
      const { message } = publicOf(new TaskError('TASK_FAILED', unit.repeat(5_000)), false, maxEventBytes);
      expect(message).toMatch(/…$/);
      const kept = Buffer.byteLength(JSON.stringify(message.slice(0, -1)));
      expect(kept).toBeLessThanOrEqual(Math.max(2, maxEventBytes));
      if (maxEventBytes === 1_024) expect(kept).toBeGreaterThan(256);
    }
    const fitting = unit.repeat(100);
    expect(publicOf(new TaskError('TASK_FAILED', fitting), false).message).toBe(fitting);
  });
});

describe('The code of a TaskError, in whose place a job has put a text', () => {
  it('is cut where it would not fit into an event', () => {
    const error = Object.assign(new TaskError('TASK_FAILED', 'x'), { code: 'A'.repeat(1_000_000) });
    const { code } = toPublicError(error, { exposeErrors: false, maxEventBytes: 1_024 });
    expect([code.length < 128, code.endsWith('…')]).toEqual([true, true]);
  });
});

describe('A TaskError in the hands of an error handler', () => {
  it.each([
    ['status', 418],
    ['statusCode', 418],
    ['expose', false],
    ['headers', { 'X-A': 'b' }],
  ] as const)("takes another %s, as Koa's and http-errors give it", (name, value) => {
    const error = new TaskError('TASK_NOT_FOUND', 'There is no such task');
    Object.assign(error, { [name]: value });
    expect(error[name]).toEqual(value);
    expect(new TaskError('TASK_NOT_FOUND', 'There is no such task')).toMatchObject({ status: 404, expose: true });
  });
});
