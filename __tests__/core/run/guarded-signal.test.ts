import { EventEmitter, addAbortListener, getEventListeners, on, once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { guardSignal } from '../../../lib/core/run/guarded-signal.js';
import { RunFixture, turn } from '../../support/jobs/run-fixture.js';
import { ProcessGuard } from '../../support/processes/process-guard.js';

const boom = new Error('boom');
const throwBoom = (): never => {
  throw boom;
};

/** The ways in which a listener can be added and fail. */
const FAILURES: [how: string, listen: (signal: AbortSignal) => void][] = [
  ['a listener that throws', (signal) => signal.addEventListener('abort', throwBoom)],
  [
    'a listener that is called once and throws',
    (signal) => signal.addEventListener('abort', throwBoom, { once: true }),
  ],
  // eslint-disable-next-line @typescript-eslint/no-misused-promises -- what is tested
  ['a listener that is async and throws', (signal) => signal.addEventListener('abort', async () => throwBoom())],
  ['an object that throws', (signal) => signal.addEventListener('abort', { handleEvent: throwBoom })],
  ['onabort that throws', (signal) => (signal.onabort = throwBoom)],
  ['a disposable listener that throws', (signal) => void addAbortListener(signal, throwBoom)],
];

let guard: ProcessGuard;
beforeEach(() => {
  guard = new ProcessGuard();
});
afterEach(async () => {
  await turn();
  expect(guard.take()).toEqual([]);
  guard.close();
});

/** The signals that a job may listen to. */
const SIGNALS: [which: string, derive: (signal: AbortSignal) => AbortSignal][] = [
  ['the signal of a job', (signal) => signal],
  ['a signal that a job derives', (signal) => AbortSignal.any([new AbortController().signal, signal])],
  ['a signal that a job derives from a derived one', (signal) => AbortSignal.any([AbortSignal.any([signal])])],
];

describe.each(SIGNALS)('%s', (_which, derive) => {
  it.each(FAILURES)('reports the error of %s, and goes on with the next listener', async (_how, listen) => {
    const after = jest.fn();
    const fixture = new RunFixture(({ signal: given }) => {
      const signal = derive(given);
      listen(signal);
      signal.addEventListener('abort', after);
      return new Promise((resolve) => given.addEventListener('abort', resolve));
    }).start();
    await turn();
    fixture.run.cancelRequested({ code: 'TASK_CANCELLED', message: 'Stop' });
    await turn();
    await fixture.run.settled;
    expect(fixture.observer.errors).toEqual([boom]);
    expect(after).toHaveBeenCalledTimes(1);
    expect(fixture.info.status).toBe('cancelled');
  });

  it('does not report a listener that throws the reason', async () => {
    const fixture = new RunFixture(({ signal }) => {
      signal.addEventListener('abort', () => signal.throwIfAborted());
      return new Promise((resolve) => signal.addEventListener('abort', resolve));
    }).start();
    await turn();
    fixture.clock.advance(1_000);
    await fixture.run.settled;
    await turn();
    expect(fixture.observer.errors).toEqual([]);
    expect(fixture.info.error?.code).toBe('TASK_TIMEOUT');
  });
});

describe('a guarded signal', () => {
  let controller: AbortController;
  let signal: AbortSignal;
  beforeEach(() => {
    controller = new AbortController();
    signal = guardSignal(controller.signal, (error) => {
      throw error; // none of these has one
    });
  });

  it('is an AbortSignal, with the same listeners as any', () => {
    const listener = jest.fn();
    expect(signal).toBeInstanceOf(AbortSignal);
    expect(Object.keys(signal)).toEqual([]);
    signal.addEventListener('abort', listener);
    signal.addEventListener('abort', listener);
    expect(getEventListeners(signal, 'abort')).toHaveLength(1);
    signal.removeEventListener('abort', listener);
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
    signal.addEventListener('abort', listener);
    controller.abort();
    expect(listener).toHaveBeenCalledTimes(1);
    expect(listener.mock.contexts).toEqual([signal]);
    expect(listener).toHaveBeenCalledWith(expect.objectContaining({ type: 'abort', target: signal }));
  });

  it('calls an object as its own method, and reads `onabort` back', () => {
    const object = { handleEvent: jest.fn() };
    const handler = jest.fn();
    signal.addEventListener('abort', object);
    signal.onabort = throwBoom;
    signal.onabort = handler;
    expect(signal.onabort).toBe(handler);
    controller.abort();
    expect(object.handleEvent.mock.contexts).toEqual([object]);
    expect(handler).toHaveBeenCalledTimes(1);
  });

  it('refuses the arguments that any signal refuses', () => {
    expect(() => {
      signal.addEventListener('abort', 7 as never);
    }).toThrow('listener');
    expect(() => {
      signal.removeEventListener('abort', null as never);
    }).not.toThrow();
  });

  it.each<[string, (signal: AbortSignal) => Promise<unknown>]>([
    [
      'AbortSignal.any',
      (given) =>
        once(AbortSignal.any([given, new AbortController().signal]), 'abort').then(() => given.throwIfAborted()),
    ],
    ['events.once', (given) => once(new EventEmitter(), 'never', { signal: given })],
    ['events.on', async (given) => on(new EventEmitter(), 'never', { signal: given }).next()],
    ['timers', (given) => sleep(60_000, undefined, { signal: given })],
    ['once of itself', (given) => once(given, 'abort').then(() => given.throwIfAborted())],
  ])('stops %s', async (_what, start) => {
    const stopped = start(signal);
    controller.abort(boom);
    const error: unknown = await stopped.then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect([error, (error as Error).cause]).toContain(boom);
  });

  it('stops fetch', async () => {
    const server = http.createServer();
    await once(server.listen(0), 'listening');
    const { port } = server.address() as AddressInfo;
    const arrived = once(server, 'request');
    const answer = fetch(`http://localhost:${port}`, { signal });
    await arrived;
    controller.abort(boom);
    await expect(answer).rejects.toBe(boom);
    server.closeAllConnections();
    server.close();
  });
});
