import { createTaskManager } from '../../../lib/index.js';

const NOT_WHOLE = [NaN, -1, 1.5, -Infinity, 1e21, '5', '3000\n', null, {}, [5], true, 5n];
const OVER_A_TIMER = 2 ** 31;

/** For each option that is a number: what is illegal beside the above, and what is legal at the edges. */
const NUMBERS: Record<string, { illegal: unknown[]; legal: number[] }> = {
  ttlMs: { illegal: [0, Infinity], legal: [1, OVER_A_TIMER, Number.MAX_SAFE_INTEGER] },
  timeoutMs: { illegal: [0], legal: [1, OVER_A_TIMER, Infinity] },
  abandonAfterMs: { illegal: [], legal: [0, OVER_A_TIMER, Infinity] },
  sweepIntervalMs: { illegal: [0, Infinity, OVER_A_TIMER], legal: [1, OVER_A_TIMER - 1] },
  heartbeatMs: { illegal: [Infinity, OVER_A_TIMER], legal: [0, 1, OVER_A_TIMER - 1] },
  retryMs: { illegal: [Infinity, OVER_A_TIMER], legal: [0, OVER_A_TIMER - 1] },
  stallTimeoutMs: { illegal: [0, Infinity, OVER_A_TIMER], legal: [1, OVER_A_TIMER - 1] },
  maxConnectionAgeMs: { illegal: [Infinity, OVER_A_TIMER], legal: [0, 1] },
  storeTimeoutMs: { illegal: [0, Infinity, OVER_A_TIMER], legal: [1] },
  maxEventsPerTask: { illegal: [0, Infinity], legal: [1, Number.MAX_SAFE_INTEGER] },
  maxBytesPerTask: { illegal: [0, 2_047, Infinity], legal: [2_048] },
  maxEventBytes: { illegal: [0, Infinity], legal: [1] },
  maxBufferedBytes: { illegal: [0, 2_047, Infinity], legal: [2_048, Number.MAX_SAFE_INTEGER] },
  maxRunningTasks: { illegal: [0], legal: [1, Infinity] },
  maxTasksPerOwner: { illegal: [0], legal: [1, Infinity] },
  maxSubscribersPerTask: { illegal: [0], legal: [1, Infinity] },
};

const making = (options: object) => (): unknown => createTaskManager(options);

/** What the message says a value was. */
const told = (value: unknown): string => {
  if (value === null) return 'null';
  if (typeof value === 'string') return JSON.stringify(value);
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : typeof value;
};

describe.each(Object.entries(NUMBERS))('a number for %s', (name, { illegal, legal }) => {
  it.each([...NOT_WHOLE, ...illegal])('refuses %p, and names itself, the rule and the value', (value) => {
    const expected = `Expected ${name} to be a whole number, at least `;
    expect(making({ [name]: value })).toThrow(
      expect.objectContaining({
        name: 'TaskError',
        code: 'INVALID_OPTION',
        message: expect.stringContaining(expected),
      }),
    );
    expect(making({ [name]: value })).toThrow(new RegExp(`, got ${told(value).replace(/[\\+]/g, '\\$&')}$`));
  });

  it.each([...legal, undefined])('accepts %p', (value) => {
    expect(making({ [name]: value })).not.toThrow();
  });
});

describe('options that do not fit together', () => {
  it.each([
    ['maxBytesPerTask', { maxBytesPerTask: 4_097, maxBufferedBytes: 4_096 }, 'at most maxBufferedBytes, got 4097'],
    ['maxEventBytes', { maxEventBytes: 4_000, maxBytesPerTask: 5_000 }, 'at most maxBytesPerTask - 1024, got 4000'],
  ])('%s is refused', (name, options, rule) => {
    expect(making(options)).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTION', message: `Expected ${name} to be ${rule}` }),
    );
  });

  it('lower the defaults of the options that were not given', () => {
    expect(making({ maxBufferedBytes: 4_096 })).not.toThrow();
    expect(making({ maxBytesPerTask: 4_096 })).not.toThrow();
  });
});

describe('other options', () => {
  const REFUSED: [name: string, value: unknown][] = [
    ['exposeErrors', 'yes'],
    ['exposeErrors', null],
    ['onLost', 'retry'],
    ['onLost', null],
    ['onTaskError', 'log'],
    ['onTaskError', null],
    ['clock', {}],
    ['clock', null],
    ['store', {}],
    ['store', null],
    ['owner', 'ann'],
    ['owner', null],
    ['allowedOrigins', 'https://app.example'],
    ['allowedOrigins', null],
    ['allowedOrigins', ['*']],
    ['allowedOrigins', ['https://app.example/']],
    ['allowedOrigins', ['https://app.example/path']],
    ['allowedOrigins', ['app.example']],
    ['allowedOrigins', ['null']],
    ['allowedOrigins', [7]],
    ['ttl', 5],
    ['heartbeatMS', 5],
    ['toString', 5],
  ];

  it.each(REFUSED)('%s is refused as %p', (name, value) => {
    expect(making({ [name]: value })).toThrow(
      expect.objectContaining({
        code: 'INVALID_OPTION',
        message: expect.stringMatching(new RegExp(`^Expected ${name} `)),
      }),
    );
  });

  it.each([
    ['allowedOrigins', ['https://app.example', 'http://localhost:5173']],
    ['onLost', 'restart'],
    ['exposeErrors', true],
    ['owner', undefined],
  ])('%s may be %p', (name, value) => {
    expect(making({ [name]: value })).not.toThrow();
  });

  it('are checked where an object inherits them, since reading an option finds it there too', () => {
    const refused = expect.objectContaining({ code: 'INVALID_OPTION' }) as Error;
    const ownProto = JSON.parse('{"__proto__":{"heartbeatMs":-1}}') as object;
    expect(making(ownProto)).toThrow(refused);
    expect(making(Object.create(ownProto) as object)).toThrow(refused);
    expect(making(Object.create({ heartbeatMs: -1 }) as object)).toThrow(refused);
    expect(making(Object.create({ heartbeatMs: 1_000 }) as object)).not.toThrow();
  });
});
