import { A_FUNCTION, AN_ARRAY, checkOptions, nested, required, wholeNumber } from '../../lib/core/check-options.js';

describe('checkOptions', () => {
  interface Options {
    heartbeatMs?: number;
    authorize?: () => boolean;
    snapshot?: { initial: () => unknown; reduce?: () => unknown };
  }
  const check = (given: unknown): void => {
    checkOptions<Options>('tasks.handler', given as Options, {
      heartbeatMs: wholeNumber([15_000, 0, Infinity]),
      authorize: A_FUNCTION,
      snapshot: nested<NonNullable<Options['snapshot']>>({ initial: required(A_FUNCTION), reduce: A_FUNCTION }),
    });
  };

  it('accepts listed options, and undefined for those that are not required', () => {
    check({});
    check({ heartbeatMs: Infinity, authorize: () => true, snapshot: { initial: () => '', reduce: undefined } });
    check({ heartbeatMs: undefined, authorize: undefined, snapshot: undefined });
  });

  it('reads each option once, and returns what it has checked', () => {
    const answers = (first: unknown): (() => unknown) => {
      const left = [first];
      return () => (left.length > 0 ? left.shift() : 'something else');
    };
    const getter = (first: unknown): PropertyDescriptor => ({ enumerable: true, get: answers(first) });
    const initial = (): string => '';
    const snapshot = Object.defineProperties({}, { initial: getter(initial) });
    const rooms = Object.defineProperty(['news'], 0, getter('news'));
    const given = Object.defineProperties(
      {},
      { heartbeatMs: getter(5), snapshot: getter(snapshot), rooms: getter(rooms) },
    );
    const read = checkOptions<{ heartbeatMs?: number; snapshot?: object; rooms?: string[] }>('tasks.handler', given, {
      heartbeatMs: wholeNumber([15_000, 0, Infinity]),
      snapshot: nested<{ initial?: () => string }>({ initial: A_FUNCTION }),
      rooms: AN_ARRAY,
    });
    const expected = { heartbeatMs: 5, snapshot: { initial }, rooms: ['news'] };
    expect([read, read]).toEqual([expected, expected]);
  });

  it('refuses an unknown option of a prototype, but not what other code has put on that of every object', () => {
    expect(() => {
      check(Object.create({ authorise: () => true }));
    }).toThrow('did you mean authorize?');
    check(Object.create({ authorize: () => true }));
    check(Object.create(null));
    Object.defineProperty(Object.prototype, 'extended', { value: 1, enumerable: true, configurable: true });
    try {
      check({ heartbeatMs: 5 });
    } finally {
      delete (Object.prototype as { extended?: number }).extended;
    }
  });

  it.each<[unknown, string]>([
    [{ authorise: () => true }, 'Expected authorise to be an option that exists: did you mean authorize?'],
    [{ heartbeatMS: 5 }, 'Expected heartbeatMS to be an option that exists: did you mean heartbeatMs?'],
    [{ heartbeat: 5 }, 'Expected heartbeat to be an option that exists: did you mean heartbeatMs?'],
    [{ cache: 5 }, 'Expected cache to be an option that exists: there are heartbeatMs, authorize, snapshot'],
    [{ authorize: 5 }, 'Expected authorize to be a function, got 5'],
    [{ authorize: null }, 'Expected authorize to be a function, got null'],
    [{ snapshot: 5 }, 'Expected snapshot to be an object, got 5'],
    [{ snapshot: {} }, 'Expected snapshot.initial to be a function, got undefined'],
    [{ snapshot: { initial: () => '', reduce: 'x' } }, 'Expected snapshot.reduce to be a function, got "x"'],
    [
      { snapshot: { initial: () => '', reducer: () => '' } },
      'Expected snapshot.reducer to be an option that exists: did you mean snapshot.reduce?',
    ],
    [null, 'Expected the options of tasks.handler to be an object, got null'],
    [[], 'Expected the options of tasks.handler to be an object, got object'],
    [() => true, 'Expected the options of tasks.handler to be an object, got function'],
    ['heartbeatMs', 'Expected the options of tasks.handler to be an object, got "heartbeatMs"'],
  ])('refuses %p', (given, message) => {
    expect(() => {
      check(given);
    }).toThrow(expect.objectContaining({ code: 'INVALID_OPTION', message }));
  });
});
