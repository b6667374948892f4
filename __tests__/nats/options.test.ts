import { createPresence, createStreamRequester, createStreamResponder, remoteTask } from '../../lib/nats/index.js';
import type { PresenceNode } from '../../lib/nats/presence/presence.js';
import { checkSubject, checkSubscription } from '../../lib/nats/subject.js';

const idle = { unsubscribe: () => undefined, drain: () => Promise.resolve() };
const connection = { publish: () => undefined, subscribe: () => idle, flush: () => Promise.resolve() } as never;
const refused = (name: string) =>
  expect.objectContaining({ code: 'INVALID_OPTION', message: expect.stringContaining(`Expected ${name} to be`) });
const NOT_WHOLE = [NaN, -1, 0, 1.5, 1e21, '5', null, {}, true];

describe('an option or argument that cannot be right is refused when it is given', () => {
  const responder = createStreamResponder({ connection, presence: createPresence({ connection }) });
  const requester = createStreamRequester({ connection });
  const makers: [string, (value: never) => unknown, unknown[]][] = [
    ['leaseMs', (leaseMs) => createPresence({ leaseMs }), [79, 3_600_001, Infinity]],
    ['beatMs', (beatMs) => createStreamRequester({ connection, beatMs }), [19, 60_001, Infinity]],
    [
      'windowMessages',
      (windowMessages) => createStreamRequester({ connection, windowMessages }),
      [1, 65_537, Infinity],
    ],
    ['windowBytes', (windowBytes) => createStreamRequester({ connection, windowBytes }), [1_023, Infinity]],
    ['maxConcurrent', (maxConcurrent) => responder.subscribe('a', async () => undefined, { maxConcurrent }), []],
    [
      'maxBufferedBytes',
      (maxBufferedBytes) => createStreamRequester({ connection, maxBufferedBytes }),
      [1_023, Infinity],
    ],
    ['idleTimeoutMs', (idleTimeoutMs) => requester.streamRequestWithClient('a', '', 'ann', { idleTimeoutMs }), []],
  ];

  it.each(makers.flatMap(([name, make, more]) => [...NOT_WHOLE, ...more].map((value) => [name, value, make] as const)))(
    '%s: %p',
    (name, value, make) => {
      expect(() => make(value as never)).toThrow(refused(name));
    },
  );

  const others: [string, () => unknown][] = [
    ['connection', () => createStreamRequester({ connection: {} as never })],
    ['connection', () => createStreamResponder({ connection: undefined as never, presence: createPresence() })],
    ['connection', () => createPresence({ connection: 'nats://' as never })],
    ['presence', () => createStreamResponder({ connection, presence: {} as never })],
    ['presence', () => createStreamResponder({ connection, presence: createPresence() })],
    ['presence', () => createStreamRequester({ connection, presence: createPresence() })],
    ['presence', () => createStreamRequester({ connection, presence: null as never })],
    ['clock', () => createPresence({ clock: {} as never })],
    ['clock', () => createPresence({ clock: { now: () => 0, every: () => () => undefined } as never })],
    ['graceMs', () => responder.stop({ graceMs: -1 })],
    ['listener', () => createPresence().onClientOffline(undefined as never)],
    ['headers', () => requester.streamRequestWithClient('a', '', 'ann', { headers: 5 as never })],
    ['subject', () => createPresence({ subject: 'a.*' })],
    ['inboxPrefix', () => createPresence({ inboxPrefix: 'a..b' })],
    ['handler', () => responder.subscribe('a', undefined as never)],
    [
      'exposeErrors',
      () => createStreamResponder({ connection, presence: createPresence({ connection }), exposeErrors: 1 as never }),
    ],
    [
      'onError',
      () => createStreamResponder({ connection, presence: createPresence({ connection }), onError: 1 as never }),
    ],
    ['data', () => requester.streamRequestWithClient('a', 5 as never, 'ann')],
    ['onMessage', () => requester.streamRequestWithClient('a', '', 'ann', { onMessage: 1 as never })],
    ['watchers', () => requester.streamRequestWithClient('a', '', 'ann', { watchers: 1 as never })],
    ['signal', () => requester.streamRequestWithClient('a', '', 'ann', { signal: {} as never })],
    ['data', () => remoteTask(requester, 'a', 'x' as never)],
    ['subject', () => remoteTask(requester, 'a b', () => '')],
  ];
  it.each(others)('%s', (name, make) => {
    expect(make).toThrow(refused(name));
  });

  it.each<[string, () => unknown]>([
    ['leasems', () => createPresence({ leasems: 100 } as never)],
    ['beatMS', () => createStreamRequester({ connection, beatMS: 100 } as never)],
    [
      'onerror',
      () => createStreamResponder({ connection, presence: createPresence({ connection }), onerror: 1 } as never),
    ],
    ['queues', () => responder.subscribe('a', async () => undefined, { queues: 'x' } as never)],
    ['graceMS', () => responder.stop({ graceMS: 5 } as never)],
    ['onmessage', () => requester.streamRequestWithClient('a', '', 'ann', { onmessage: () => false } as never)],
    ['idleTimeout', () => remoteTask(requester, 'a', () => '', { idleTimeout: 5 } as never)],
  ])('which does not exist, such as %s', (name, make) => {
    expect(make).toThrow(
      expect.objectContaining({
        code: 'INVALID_OPTION',
        message: expect.stringMatching(new RegExp(`^Expected ${name} to be an option that exists: did you mean `)),
      }),
    );
  });

  it.each<[string, unknown]>([
    ['of the web', new Headers({ trace: 'abc' })],
    ['in a Map', new Map([['trace', 'abc']])],
    ['with a number', new Map([['trace', [5]]])],
    ['with a line feed', new Map([['trace', ['a\r\nb']]])],
    ['with a name that is none', new Map([['tr:ace', ['a']]])],
    ['in a list', ['trace']],
    ['in a text', 'trace'],
    [
      'that throw',
      {
        [Symbol.iterator]: () => {
          throw new Error('mine');
        },
      },
    ],
  ])('headers %s, which leave nobody online', (_what, given) => {
    const ask = (): unknown => requester.streamRequestWithClient('a', '', 'ben', { headers: given as never });
    expect(ask).toThrow(refused('headers'));
    expect((requester.presence as PresenceNode).origin.version).toBe(0); // no client has come or gone
  });

  it('which is an id that could not be part of a subject', () => {
    expect(() => requester.streamRequestWithClient('a', '', 'a.b')).toThrow(
      expect.objectContaining({ code: 'INVALID_CLIENT_ID' }),
    );
  });
});

describe('subjects', () => {
  it.each(['a', 'a.b', '$JS.API', 'jobs.eu-1', 'a'.repeat(128), 'a*b'.replace('*', '-')])('accept %s', (subject) => {
    expect(() => checkSubject('subject', subject)).not.toThrow();
    expect(() => checkSubscription('subject', subject)).not.toThrow();
  });

  it.each([
    '',
    '.',
    'a.',
    '.a',
    'a..b',
    'a b',
    'a\r\nPUB x',
    'a\0',
    'ä',
    'x'.repeat(256),
    'a*',
    '*a',
    '>a',
    'a.>.b',
    5,
    null,
  ])('refuse %j', (subject) => {
    expect(() => checkSubject('subject', subject)).toThrow(refused('subject'));
    expect(() => checkSubscription('subject', subject)).toThrow(refused('subject'));
  });

  it.each(['*', '>', 'a.*', '*.b', 'a.>', '*.*'])('accept %s for a subscription', (subject) => {
    expect(() => checkSubscription('subject', subject)).not.toThrow();
    expect(() => checkSubject('subject', subject)).toThrow(refused('subject'));
  });
});
