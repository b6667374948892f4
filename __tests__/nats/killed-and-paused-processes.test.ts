import { createPresence, createStreamRequester } from '../../lib/nats/index.js';
import { compileLib } from '../support/processes/compiled-lib.js';
import { startCutProxy } from '../support/http/cut-proxy.js';
import { ManualClock } from '../support/clock/manual-clock.js';
import { NatsChild, type ChildMessage, type ChildOptions } from '../support/nats/nats-child.js';
import { describeWithNatsServer, Nats } from '../support/nats/nats-server.js';
import {
  BEAT_MS,
  Calls,
  LEASE_MS,
  aborted,
  codeOf,
  openGateway,
  openWorker,
  type Gateway,
  type Worker,
} from '../support/nats/stream-parties.js';
import { until } from '../support/clock/until.js';

/** What a stream may end with when something below it broke. */
const NAMED = ['CLIENT_OFFLINE', 'NO_WORKER', 'WORKER_LOST', 'WORKER_PROTOCOL_ERROR'];

describeWithNatsServer('a stream over NATS', () => {
  let libUrl: string;
  let nats: Nats;
  const open: { close(): Promise<void> }[] = [];

  beforeAll(() => {
    libUrl = compileLib('nats');
  });
  beforeEach(async () => {
    nats = await Nats.own();
  });
  afterEach(async () => {
    await Promise.all(open.splice(0).map((each) => each.close()));
    await nats.close();
  });

  const child = async (role: ChildOptions['role'], options: Partial<ChildOptions> = {}): Promise<NatsChild> => {
    const given = {
      servers: nats.url,
      subject: 'jobs',
      presenceSubject: 'presence',
      leaseMs: LEASE_MS,
      beatMs: BEAT_MS,
    };
    const started = await NatsChild.start(libUrl, { role, ...given, ...options });
    open.push(started);
    return started;
  };
  /** Both, with a stream between them that runs. */
  const streaming = async (
    options: { gateway?: Partial<ChildOptions>; worker?: Partial<ChildOptions>; everyMs?: number; to?: number } = {},
  ) => {
    const { everyMs = 1, to } = options;
    const [gateway, worker] = [await child('gateway', options.gateway), await child('worker', options.worker)];
    gateway.ask('ann', { everyMs, ...(to !== undefined && { to }) });
    await worker.heard('started');
    await gateway.heard('received');
    return { gateway, worker };
  };
  /** Both in this process, where the server cannot say that nobody listens, because somebody listens to all. */
  const hidden = async (): Promise<{ gateway: Gateway; worker: Worker; calls: Calls }> => {
    const monitor = await nats.connect();
    monitor.subscribe('>', { callback: () => undefined });
    const [gateway, worker, calls] = [await openGateway(nats), await openWorker(nats), new Calls()];
    worker.responder.subscribe('jobs', calls.handler);
    await worker.connection.flush();
    gateway.presence.markClientOnline('ann');
    return { gateway, worker, calls };
  };
  const expectNamed = ({ code, exact }: ChildMessage): void => {
    expect(NAMED).toContain(code);
    expect(exact).toBe(true);
  };
  /** The same processes can do their work again. */
  const expectRecovered = async (gateway: NatsChild): Promise<void> => {
    for (let n = 1; ; n++) {
      gateway.ask(`again-${n}`, { to: 500 });
      const { code, count, exact } = await gateway.heard('outcome');
      if (code !== 'resolved') continue; // not all connections are back yet
      expect([count, exact]).toEqual([500, true]);
      return;
    }
  };

  it('has a named outcome and nothing twice when the server is killed, and later streams work', async () => {
    const { gateway, worker } = await streaming();
    await nats.server!.kill();
    await nats.server!.run();
    expectNamed(await gateway.heard('outcome'));
    expect(await worker.heard('aborted')).toMatchObject({ code: 'CLIENT_OFFLINE' });
    await expectRecovered(gateway);
  });

  it('ends on both sides when the server is paused for longer than lease and beats, and later streams work', async () => {
    const { gateway, worker } = await streaming();
    nats.server!.pause();
    expectNamed(await gateway.heard('outcome'));
    expect(await worker.heard('aborted')).toMatchObject({ code: 'CLIENT_OFFLINE' });
    nats.server!.resume();
    await expectRecovered(gateway);
  });

  it.each(['worker', 'gateway'] as const)(
    'is exact or ends with a named error when the link of the %s breaks after a publish',
    async (side) => {
      const proxy = await startCutProxy({ upstreamPort: nats.server!.port });
      open.push(proxy);
      const cut = { servers: `127.0.0.1:${proxy.port}` };
      const { gateway } = await streaming({ [side]: cut, to: 500 });
      proxy.cutAll();
      const outcome = await gateway.heard('outcome');
      if (outcome.code === 'resolved') expect(outcome).toMatchObject({ count: 500, exact: true });
      else expectNamed(outcome);
      await expectRecovered(gateway);
    },
  );

  it('does not flood a gateway that is paused, which then gets the outcome', async () => {
    const { gateway, worker } = await streaming({ gateway: { windowMessages: 100 }, everyMs: 0 });
    gateway.signal('SIGSTOP');
    const { code, sent } = await worker.heard('aborted');
    gateway.signal('SIGCONT');
    const { count = 0, exact, code: outcome } = await gateway.heard('outcome');
    expect([code, exact]).toEqual(['CLIENT_OFFLINE', true]);
    expect(sent! - count).toBeLessThanOrEqual(100);
    expect(NAMED).toContain(outcome);
    await expectRecovered(gateway);
  });

  it('ends with a named error when its worker is killed, and nothing is made up', async () => {
    const { gateway, worker } = await streaming();
    worker.signal('SIGKILL');
    expect(await gateway.heard('outcome')).toMatchObject({ code: 'WORKER_LOST', exact: true });
  });

  it('ends with a named error when its worker is paused, which stops when it goes on', async () => {
    const { gateway, worker } = await streaming();
    worker.signal('SIGSTOP');
    expect(await gateway.heard('outcome')).toMatchObject({ code: 'WORKER_LOST', exact: true });
    worker.signal('SIGCONT');
    expect(await worker.heard('aborted')).toMatchObject({ code: 'CLIENT_OFFLINE' });
  });

  it('ends at the worker when its gateway is killed, also where a monitor hides that nobody listens', async () => {
    const monitor = await nats.connect();
    monitor.subscribe('>', { callback: () => undefined });
    await monitor.flush();
    const { gateway, worker } = await streaming();
    gateway.signal('SIGKILL');
    expect(await worker.heard('aborted')).toMatchObject({ code: 'CLIENT_OFFLINE' });
  });

  it('ends at the worker by the 503 of the server when its gateway is killed, long before the lease is over', async () => {
    const hour = { leaseMs: 3_600_000, beatMs: 60_000 };
    const { gateway, worker } = await streaming({ gateway: hour, worker: hour });
    gateway.signal('SIGKILL');
    expect(await worker.heard('aborted')).toMatchObject({ code: 'CLIENT_OFFLINE' });
  });

  it('stops its worker once when presence says that the client has gone', async () => {
    const { gateway, worker, calls } = await hidden();
    void gateway.requester.streamRequestWithClient('jobs', '', 'ann');
    const { request } = await calls.call();
    const gone: string[] = [];
    worker.presence.onClientOffline((id) => gone.push(id));
    // The stop of the stream gets lost; the notice does not.
    const publish = gateway.connection.publish.bind(gateway.connection);
    jest.spyOn(gateway.connection, 'publish').mockImplementation((subject, payload, options) => {
      if (subject.startsWith('resumable-sse.presence')) publish(subject, payload, options);
    });
    gateway.presence.markClientOffline('ann');
    await aborted(request.signal);
    gateway.presence.markClientOffline('ann');
    gateway.presence.markClientOnline('bob');
    await until(() => worker.presence.isClientOnline('bob'));
    expect(gone).toEqual(['ann']);
  });

  it('can be stopped in the given time while the server is paused', async () => {
    const clock = new ManualClock();
    const [gateway, worker] = [await openGateway(nats), await openWorker(nats, { clock })];
    const presence = createPresence({ connection: worker.connection, clock });
    presence.markClientOnline('ann');
    worker.responder.subscribe('jobs', new Calls().handler);
    await worker.connection.flush();
    nats.server!.pause();
    let stopped = 0;
    for (const stopping of [presence.stop(), worker.responder.stop({ graceMs: 10_000 })])
      void stopping.then(() => stopped++);
    await until(() => {
      clock.advance(5_000);
      return stopped === 2;
    });
    nats.server!.resume();
    await gateway.connection.flush();
  });

  it('ends when its requester falls silent although it is said to be online', async () => {
    const { gateway, worker, calls } = await hidden();
    const link = await nats.connect();
    const requester = createStreamRequester({ connection: link, presence: gateway.presence, beatMs: BEAT_MS });
    const stream = requester.streamRequestWithClient('jobs', '', 'ann');
    const { request, sender } = await calls.call();
    await link.close();
    expect(await aborted(request.signal)).toMatchObject({ code: 'CLIENT_OFFLINE' });
    expect(await codeOf(sender.send('x'))).toBe('CLIENT_OFFLINE');
    expect(await codeOf(stream.finished)).toBe('WORKER_LOST');
    expect(worker.presence.isClientOnline('ann')).toBe(true);
  });
});
