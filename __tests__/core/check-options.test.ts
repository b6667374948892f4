import {
  checkNumber,
  ENGINE_OPTION_RULES,
  resolveOptions as resolve,
  type EngineOptions,
  type ResolvedOptions,
} from '../../lib/core/engine/engine-options.js';
import { checkOptions } from '../../lib/core/check-options.js';
import { systemClock } from '../../lib/core/clock.js';
import { createTaskManager } from '../../lib/create-task-manager.js';
import { ManualClock } from '../support/clock/manual-clock.js';
import { sharedMemory } from '../support/stores/memory-stores.js';
import { codeOf } from '../support/stores/store-fixtures.js';

const TIMER = 2 ** 31 - 1;
const SAFE = Number.MAX_SAFE_INTEGER;
type Name = Parameters<typeof checkNumber>[0];

/** Default, least and greatest legal value of every numeric option. */
const NUMBERS: Readonly<Record<Name, readonly [number, number, number]>> = {
  ttlMs: [3_600_000, 1, SAFE],
  timeoutMs: [600_000, 1, Infinity],
  abandonAfterMs: [3_600_000, 0, Infinity],
  sweepIntervalMs: [30_000, 1, TIMER],
  heartbeatMs: [15_000, 0, TIMER],
  retryMs: [2_000, 0, TIMER],
  stallTimeoutMs: [60_000, 1, TIMER],
  maxConnectionAgeMs: [0, 0, TIMER],
  maxEventsPerTask: [10_000, 1, SAFE],
  maxBytesPerTask: [8_388_608, 2_048, 2 ** 32],
  maxEventBytes: [1_048_576, 1, 2 ** 28],
  maxBufferedBytes: [268_435_456, 2_048, SAFE],
  maxRunningTasks: [10_000, 1, Infinity],
  maxTasksPerOwner: [Infinity, 1, Infinity],
  maxSubscribersPerTask: [1_000, 1, Infinity],
  storeTimeoutMs: [2_000, 1, TIMER],
  appendPatienceMs: [30_000, 1, TIMER],
  maxAttempts: [3, 1, SAFE],
  orphanDeadlineMs: [600_000, 1, SAFE],
  maxInputBytes: [65_536, 0, 2 ** 28],
};
const NAMES = Object.keys(NUMBERS) as Name[];

const NEVER_LEGAL: unknown[] = [
  ...[NaN, -Infinity, -1, 0.5, 1.5, 1e21, SAFE + 1, '5', '3000\n', '', 'x', null, true, false],
  ...[[], [5], {}, 5n, Symbol('5'), () => 5, new Date(), new Number(5), Number.MIN_VALUE],
];

const options = (given: object): EngineOptions => given;

function resolveOptions(given: EngineOptions): ResolvedOptions {
  checkOptions('createTaskManager', given, ENGINE_OPTION_RULES);
  return resolve(given);
}

/** The legal edges of an option, with the limits around it wide enough. */
function around(name: Name, value: number): EngineOptions {
  if (name === 'maxBytesPerTask') return options({ maxBufferedBytes: SAFE, maxBytesPerTask: value });
  if (name === 'maxEventBytes') {
    return options({ maxBufferedBytes: SAFE, maxBytesPerTask: 2 ** 32, maxEventBytes: value });
  }
  return options({ [name]: value });
}

describe('resolveOptions', () => {
  it('applies the defaults that the documentation names', () => {
    const { clock, onTaskError, ...rest } = resolveOptions({});
    expect(rest).toEqual({
      ...Object.fromEntries(NAMES.map((name) => [name, NUMBERS[name][0]])),
      exposeErrors: false,
      onLost: 'fail',
    });
    expect(clock).toBe(systemClock);
    expect(typeof onTaskError).toBe('function');
  });

  describe.each(NAMES)('%s', (name) => {
    const [byDefault, least, greatest] = NUMBERS[name];

    it('accepts its least value, its greatest, and undefined', () => {
      expect(resolveOptions(around(name, least))[name]).toBe(least);
      expect(resolveOptions(around(name, greatest))[name]).toBe(greatest);
      expect(resolveOptions(options({ [name]: undefined }))[name]).toBe(byDefault);
    });

    const beyond = greatest === Infinity ? [] : [greatest + 1, Infinity];
    const bad = [...NEVER_LEGAL, least - 1, ...beyond].filter((value) => value !== undefined);

    it.each(bad.map((value) => [show(value), value]))('refuses %s', (_, value) => {
      expect(() => resolveOptions(options({ [name]: value }))).toThrow(
        expect.objectContaining({
          name: 'TaskError',
          code: 'INVALID_OPTION',
          message: expect.stringMatching(new RegExp(`^Expected ${name} to be a whole number, at least ${least}`)),
        }),
      );
      expect(() => checkNumber(name, value)).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
    });
  });

  it.each<[object, string]>([
    [{ ttlMs: '5' }, 'Expected ttlMs to be a whole number, at least 1, got "5"'],
    [{ ttlMs: Infinity }, 'Expected ttlMs to be a whole number, at least 1, got Infinity'],
    [{ timeoutMs: 0 }, 'Expected timeoutMs to be a whole number, at least 1 or Infinity, got 0'],
    [
      { heartbeatMs: 2 ** 31 },
      `Expected heartbeatMs to be a whole number, at least 0, at most ${TIMER}, got ${2 ** 31}`,
    ],
    [{ retryMs: {} }, `Expected retryMs to be a whole number, at least 0, at most ${TIMER}, got object`],
    [{ maxEventBytes: 8_388_000 }, 'Expected maxEventBytes to be at most maxBytesPerTask - 1024, got 8388000'],
    [{ maxBytesPerTask: 2 ** 29 }, `Expected maxBytesPerTask to be at most maxBufferedBytes, got ${2 ** 29}`],
    [{ ttl: 5 }, 'Expected ttl to be an option that exists: did you mean ttlMs?'],
    [{ exposeErrors: 'yes' }, 'Expected exposeErrors to be a boolean, got "yes"'],
    [{ onLost: 'x'.repeat(99) }, `Expected onLost to be 'fail' or 'restart', got "${'x'.repeat(40)}"`],
  ])('names the option, the rule and the value: %j', (given, message) => {
    expect(() => resolveOptions(given)).toThrow(message);
  });

  it.each<[string, unknown[]]>([
    ['exposeErrors', [null, 0, 1, 'true', {}]],
    ['onLost', [null, '', 'FAIL', 'ignore', true, {}, ['fail']]],
    ['onTaskError', [null, 'log', {}, true]],
    ['clock', [null, 5, 'now', {}, { now: () => 0 }, { now: 1, wallNow: 1, after: 1, every: 1 }]],
    ['store', [null, 5, 'redis', {}, { create: true }, { create: () => 1 }]],
  ])('refuses a %s of another type', async (name, values) => {
    for (const value of values) {
      expect(await codeOf(() => resolveOptions(options({ [name]: value })))).toBe('INVALID_OPTION');
      expect(await codeOf(() => createTaskManager(options({ [name]: value })))).toBe('INVALID_OPTION');
    }
  });

  it.each(['TTLMS', 'ttl', 'heartbeat', 'constructor', 'toString', '', 'hasOwnProperty'])(
    'refuses the unknown option %j',
    async (name) => {
      expect(await codeOf(() => resolveOptions(options({ [name]: 1 })))).toBe('INVALID_OPTION');
      expect(await codeOf(() => resolveOptions(options({ [name]: undefined })))).toBe('INVALID_OPTION');
    },
  );

  it('refuses a __proto__ that came with JSON', async () => {
    const given = JSON.parse('{"__proto__":{"exposeErrors":true}}') as EngineOptions;
    expect(await codeOf(() => resolveOptions(given))).toBe('INVALID_OPTION');
    expect(({} as EngineOptions).exposeErrors).toBeUndefined();
  });

  it('accepts valid options, and does not change the object that it was given', () => {
    const given = Object.freeze({
      ...{ exposeErrors: true, onLost: 'restart', onTaskError: () => undefined, ttlMs: 2 ** 31 },
      ...{ clock: new ManualClock(), store: sharedMemory().store },
    } as const);
    const { store: _, ...resolvable } = given;
    expect(resolveOptions(given)).toMatchObject(resolvable);
  });

  describe('limits that depend on one another', () => {
    it('lowers the defaults of the smaller ones with a larger one', () => {
      expect(resolveOptions({ maxBufferedBytes: 2_048 })).toMatchObject({
        maxBytesPerTask: 2_048,
        maxEventBytes: 1_024,
      });
      expect(resolveOptions({ maxBytesPerTask: 4_096 })).toMatchObject({ maxEventBytes: 3_072 });
    });

    it('leaves the larger ones as they are', () => {
      expect(resolveOptions({ maxEventBytes: 1 })).toMatchObject({ maxBytesPerTask: 8_388_608 });
    });

    it('accepts each up to the next larger one, and refuses one more', async () => {
      const exact = { maxBufferedBytes: 10_000, maxBytesPerTask: 10_000, maxEventBytes: 8_976 };
      expect(resolveOptions(exact)).toMatchObject(exact);
      expect(await codeOf(() => resolveOptions({ ...exact, maxEventBytes: 8_977 }))).toBe('INVALID_OPTION');
      expect(await codeOf(() => resolveOptions({ ...exact, maxBytesPerTask: 10_001 }))).toBe('INVALID_OPTION');
    });
  });
});

describe('createTaskManager', () => {
  it.each<[string, unknown[]]>([
    ['owner', [null, 'ann', {}, true]],
    ['allowedOrigins', [null, '*', 'https://a.example', {}, ['*'], ['a.example'], ['https://a.example/'], [null], [5]]],
    ['allowedOrigins', [['https://a.example', 'null'], ['https://a.example/path'], ['']]],
  ])('refuses bad %s', async (name, values) => {
    for (const value of values) {
      expect(await codeOf(() => createTaskManager(options({ [name]: value })))).toBe('INVALID_OPTION');
    }
  });

  it('accepts valid options', () => {
    const allowedOrigins = ['https://a.example', 'http://localhost:3000'];
    expect(() => createTaskManager({ allowedOrigins, owner: () => 'ann' })).not.toThrow();
  });
});

function show(value: unknown): string {
  return typeof value === 'object' && value !== null ? value.constructor.name + JSON.stringify(value) : String(value);
}
