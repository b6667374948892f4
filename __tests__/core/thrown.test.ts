import { describeThrown, messageOf, readProperty } from '../../lib/core/thrown.js';

const throwing = (name: string): unknown =>
  Object.defineProperty(new Error('x'), name, {
    get: () => {
      throw new Error('not to be looked at');
    },
  });
const revoked = Proxy.revocable({}, {});
revoked.revoke();
const revokedList = Proxy.revocable([], {});
revokedList.revoke();
const throwingList = new Proxy([1], {
  get: () => {
    throw new Error('not to be read');
  },
});

const HOSTILE: [what: string, thrown: unknown][] = [
  ['an error whose name throws', throwing('name')],
  ['an error whose message throws', throwing('message')],
  ['an error whose stack throws', throwing('stack')],
  ['an error whose code throws', throwing('code')],
  ['an error whose cause throws', throwing('cause')],
  ['a revoked proxy', revoked.proxy],
  ['an error whose errors are a revoked proxy', Object.assign(new Error('x'), { errors: revokedList.proxy })],
  ['an error whose errors throw', Object.assign(new Error('x'), { errors: throwingList })],
  ['an object without a prototype', Object.create(null)],
  ['undefined', undefined],
  ['null', null],
  ['a symbol', Symbol('s')],
  ['a BigInt', 5n],
  [
    'an object whose inspection throws',
    {
      [Symbol.for('nodejs.util.inspect.custom')]: () => {
        throw new Error('not to be inspected');
      },
    },
  ],
];

describe('describeThrown', () => {
  it.each(HOSTILE)('shows %s without throwing', (_what, thrown) => {
    expect(describeThrown(thrown)).toEqual(expect.any(String));
    expect(messageOf(thrown)).toEqual(expect.any(String));
  });

  it('shows the message and code of an object that is no error', () => {
    expect(describeThrown({ message: 'The disk is full', code: 'ENOSPC' })).toBe('The disk is full\n  code: ENOSPC');
    expect(describeThrown({ reason: 'unknown' })).toBe("{ reason: 'unknown' }");
    expect(describeThrown('just text')).toBe('just text');
  });

  it('shows the stack of an error, its code, and the chain of its causes', () => {
    const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
    const error = new Error('The store is away', { cause: new Error('No connection', { cause: refused }) });
    const text = describeThrown(error);
    expect(text.startsWith(String(error.stack))).toBe(true);
    expect(text).toMatch(
      /caused by Error: No connection[^]*caused by Error: connect ECONNREFUSED[^]*code: ECONNREFUSED/,
    );
  });

  it('shows the errors of an AggregateError', () => {
    expect(describeThrown(new AggregateError([new Error('first'), 'second'], 'All failed'))).toMatch(
      /AggregateError: All failed[^]*caused by Error: first[^]*caused by second/,
    );
  });

  it('shows no other property of an error, which may hold a request with its credentials', () => {
    const error = Object.assign(new Error('401'), { config: { headers: { authorization: 'Bearer secret' } } });
    expect(describeThrown(error)).not.toContain('secret');
  });

  it('stops at a cause that is its own cause, and cuts a very long text', () => {
    const error = new Error('round');
    error.cause = error;
    expect(describeThrown(error).match(/caused by/g)).toHaveLength(4);
    expect(describeThrown('x'.repeat(100_000))).toHaveLength(10_001);
  });
});

describe('readProperty', () => {
  it('returns undefined where there is no such property, or reading it throws', () => {
    expect(readProperty({ name: 'AbortError' }, 'name')).toBe('AbortError');
    expect([undefined, null, 5, revoked.proxy, throwing('name')].map((value) => readProperty(value, 'name'))).toEqual(
      Array(5).fill(undefined),
    );
  });
});
