import type { NatsConnection } from '@nats-io/transport-node';
import {
  createPresence,
  createStreamRequester,
  createStreamResponder,
  type Presence,
  type PresenceOptions,
  type ResponseStream,
} from '../../lib/nats/index.js';
import type { Clock } from '../../lib/index.js';
import { body, ForgedWorker } from '../support/nats/forged-frames.js';
import { ManualClock } from '../support/clock/manual-clock.js';
import { describeWithNats, useNats } from '../support/nats/nats-server.js';
import {
  aborted,
  Calls,
  codeOf,
  openGateway,
  openWorker,
  outcomeOf,
  ANN,
  nextOf,
} from '../support/nats/stream-parties.js';
import { until } from '../support/clock/until.js';

/** A process that stands still: time passes, and its timers fire once when it goes on. */
class StallingClock implements Clock {
  #now = 0;
  readonly #timers = new Set<() => void>();

  now(): number {
    return this.#now;
  }

  wallNow(): number {
    return this.#now;
  }

  after(): () => void {
    return () => undefined;
  }

  every(_ms: number, fn: () => void): () => void {
    this.#timers.add(fn);
    return () => this.#timers.delete(fn);
  }

  pass(ms: number): void {
    this.#now += ms;
    for (const fn of [...this.#timers]) fn();
  }
}

describeWithNats('leases and heartbeats over NATS', () => {
  const here = useNats('times');
  let link: NatsConnection;
  const open: Presence[] = [];

  beforeAll(async () => {
    link = await here.nats.connect();
  });
  afterEach(async () => {
    await Promise.all(open.splice(0).map((presence) => presence.stop()));
  });

  const join = (options: PresenceOptions): Presence => {
    const presence = createPresence({ connection: link, subject: here.subject, leaseMs: 4_000, ...options });
    open.push(presence);
    return presence;
  };
  /** A listener that knows that `a` is online, and what time it is there. */
  const listen = async (
    clock: Clock,
    pass: (ms: number) => void,
    gatewayClock = new ManualClock(),
  ): Promise<Presence> => {
    const gateway = join({ clock: gatewayClock });
    gateway.markClientOnline('a');
    const listener = join({ clock });
    const starting = listener.startClientOfflineListener();
    for (let trip = 0; trip < 4; trip++) await link.flush(); // the question, and the answer
    pass(1_000); // all living gateways have had time to say that they live
    await starting;
    expect([listener.isClientOnline('a'), listener.isClientOnline('b')]).toEqual([true, false]);
    return listener;
  };

  it('take the clients of a silent gateway offline within its lease, and not in three quarters of it', async () => {
    const clock = new ManualClock();
    const listener = await listen(clock, (ms) => clock.advance(ms));
    clock.advance(2_000); // with the second before
    expect(listener.isClientOnline('a')).toBe(true);
    clock.advance(1_000);
    expect(listener.isClientOnline('a')).toBe(false);
  });

  it('keep the clients of a gateway that renews its lease', async () => {
    const [clock, gatewayClock] = [new ManualClock(), new ManualClock()];
    const listener = await listen(clock, (ms) => clock.advance(ms), gatewayClock);
    const gone: string[] = [];
    listener.onClientOffline((id) => gone.push(id));
    for (let quarter = 0; quarter < 20; quarter++) {
      gatewayClock.advance(1_000);
      await link.flush(); // the lease has come
      clock.advance(1_000);
    }
    expect(gone).toEqual([]);
  });

  it('do not let a listener that was paused take its own silence for that of the gateways', async () => {
    const clock = new StallingClock();
    const listener = await listen(clock, (ms) => clock.pass(ms));
    clock.pass(3_600_000);
    expect(listener.isClientOnline('a')).toBe(true);
    for (let look = 0; look < 16; look++) clock.pass(250);
    expect(listener.isClientOnline('a')).toBe(false);
  });

  it('let a listener wait for gateways, but no longer than a lease for one that does not answer', async () => {
    const clock = new ManualClock();
    link.subscribe(`${here.subject}.sync`, { callback: () => undefined }); // somebody is there, and says nothing
    const listener = join({ clock });
    let ready = false;
    const starting = listener.startClientOfflineListener().then(() => (ready = true));
    await link.flush();
    const id = 'A'.repeat(22);
    link.publish(here.subject, JSON.stringify({ kind: 'lease', gateway: id, version: 5, leaseMs: 60_000 }));
    await link.flush();
    clock.advance(3_900);
    await link.flush();
    expect([ready, listener.isClientOnline('a')]).toEqual([false, true]);
    clock.advance(100);
    await starting;
    expect(listener.isClientOnline('a')).toBe(false);
  });

  it('give a worker up after three silent beats, and not after two', async () => {
    const clock = new ManualClock();
    const requester = createStreamRequester({ connection: link, clock, beatMs: 1_000 });
    let outcome: Promise<string> | undefined;
    const worker = await ForgedWorker.answer(link, here.subject, () => {
      outcome = outcomeOf(requester.streamRequestWithClient(here.subject, '', ANN));
    });
    clock.advance(2_400);
    worker.send('data', 1, body('one'));
    worker.send('beat', 1);
    await until(() => worker.heard.length === 1); // it has come
    clock.advance(2_000);
    expect(requester.getStatistics().open).toBe(1);
    clock.advance(1_000);
    expect([requester.getStatistics().open, await outcome]).toEqual([0, 'WORKER_LOST']);
    await until(() => worker.heard.at(-1) === 'stop');
    expect(clock.timers).toBe(1); // the lease of the requester's own presence
  });

  it('do not take a worker that waits for credit for a silent one', async () => {
    const clock = new ManualClock();
    const requester = createStreamRequester({ connection: link, clock, beatMs: 20_000 });
    let stream: ResponseStream | undefined;
    const worker = await ForgedWorker.answer(link, here.subject, () => {
      stream = requester.streamRequestWithClient(here.subject, '', ANN, { idleTimeoutMs: 15_000 });
    });
    worker.send('data', 1, body('one', 'two'));
    const iterator = stream![Symbol.asyncIterator]();
    await iterator.next();
    clock.advance(30_000); // the loop is busy
    await iterator.next();
    const third = nextOf(iterator);
    clock.advance(10_000);
    worker.send('data', 3, body('three'));
    expect((await third).string()).toBe('three');
    const fourth = iterator.next();
    clock.advance(20_000);
    expect(await codeOf(fourth)).toBe('WORKER_TIMEOUT');
  });

  it('let a responder try again that cannot follow presence', async () => {
    const clock = new ManualClock();
    const presence = join({});
    const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const flush = jest.spyOn(link, 'flush');
    for (let n = 0; n < 2; n++) flush.mockRejectedValueOnce(new Error('disconnected'));
    createStreamResponder({ connection: link, presence, clock }).subscribe(here.subject, () => undefined);
    await until(() => {
      clock.advance(1_000);
      return !presence.isClientOnline('nobody');
    });
    expect(warn).toHaveBeenCalledTimes(1);
    warn.mockRestore();
    flush.mockRestore();
  });

  it('keep the worker of a requester that was paused', async () => {
    const clock = new StallingClock();
    const requester = createStreamRequester({ connection: link, clock, beatMs: 1_000 });
    let finished: Promise<unknown> | undefined;
    const worker = await ForgedWorker.answer(link, here.subject, () => {
      finished = requester.streamRequestWithClient(here.subject, '', ANN).finished;
    });
    worker.send('beat', 0);
    await until(() => worker.heard.length === 1);
    clock.pass(3_600_000);
    worker.send('end', 0);
    expect(await codeOf(finished!)).toBe('resolved');
  });

  it('give a requester up after three beats without an answer', async () => {
    const clock = new ManualClock();
    const [gateway, worker] = [await openGateway(here.nats, { beatMs: 1_000 }), await openWorker(here.nats, { clock })];
    const calls = new Calls();
    worker.responder.subscribe(here.subject, calls.handler);
    await worker.connection.flush();
    gateway.presence.markClientOnline(ANN);
    void gateway.requester.streamRequestWithClient(here.subject, '', ANN);
    const { request, sender } = await calls.call();
    for (let beat = 0; beat < 10; beat++) {
      clock.advance(1_000);
      await request.watchers(); // an answer
    }
    expect(request.signal.aborted).toBe(false);
    const publish = jest.spyOn(gateway.connection, 'publish').mockImplementation(() => undefined);
    clock.advance(3_000);
    expect(request.signal.aborted).toBe(false);
    clock.advance(1_000);
    publish.mockRestore();
    expect(await aborted(request.signal)).toMatchObject({ code: 'CLIENT_OFFLINE' });
    expect(await codeOf(sender.send('x'))).toBe('CLIENT_OFFLINE');
  });
});
