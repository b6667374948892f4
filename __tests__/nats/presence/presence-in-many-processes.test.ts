import { type Presence, type PresenceOptions, createPresence } from '../../../lib/nats/index.js';
import { describeWithNats, useNats } from '../../support/nats/nats-server.js';
import { LEASE_MS } from '../../support/nats/stream-parties.js';
import { until } from '../../support/clock/until.js';

describeWithNats('presence in many processes', () => {
  const here = useNats('presence');
  const open: Presence[] = [];

  afterEach(async () => {
    await Promise.all(open.splice(0).map((presence) => presence.stop()));
  });

  const join = async (options: PresenceOptions = {}): Promise<Presence> => {
    const presence = createPresence({
      connection: await here.nats.connect(),
      subject: here.subject,
      leaseMs: LEASE_MS,
      ...options,
    });
    open.push(presence);
    return presence;
  };
  const listen = async (options: PresenceOptions = {}): Promise<Presence> => {
    const presence = await join(options);
    await presence.startClientOfflineListener();
    return presence;
  };
  const nextGone = (presence: Presence): Promise<string> =>
    new Promise((resolve) => {
      const off = presence.onClientOffline((id) => {
        off();
        resolve(id);
      });
    });

  it('knows from the start who was online before, on all gateways, and nobody else', async () => {
    const gateways = [await join(), await join()] as const;
    gateways[0].markClientOnline('a');
    gateways[1].markClientOnline('b');
    const worker = await listen();
    expect(['a', 'b', 'c'].map((id) => worker.isClientOnline(id))).toEqual([true, true, false]);
  });

  it('is ready at once where there is no gateway', async () => {
    const worker = await listen({ leaseMs: 3_600_000 }); // a beat of it would be 15 minutes
    expect(worker.isClientOnline('a')).toBe(false);
  });

  it('reports everyone who comes and goes', async () => {
    const [gateway, worker] = [await join(), await listen()];
    gateway.markClientOnline('a');
    await until(() => worker.isClientOnline('a'));
    const [signal, gone] = [worker.signalFor('a'), nextGone(worker)];
    gateway.markClientOffline('a');
    expect(await gone).toBe('a');
    expect(signal.reason).toMatchObject({ code: 'CLIENT_OFFLINE' });
  });

  it('takes a client with connections to two gateways for online until both are gone', async () => {
    const [one, two, worker] = [await join(), await join(), await listen()];
    for (const gateway of [one, two]) gateway.markClientOnline('a');
    two.markClientOnline('b');
    await until(() => worker.isClientOnline('b') && worker.isClientOnline('a'));
    one.markClientOffline('a');
    const gone = nextGone(worker);
    two.markClientOffline('b');
    expect(await gone).toBe('b');
    expect(worker.isClientOnline('a')).toBe(true);
    two.markClientOffline('a');
    await until(() => !worker.isClientOnline('a'));
  });

  it('lets nobody take the client of another gateway offline', async () => {
    const [gateway, stranger, worker] = [await join(), await join(), await listen()];
    gateway.markClientOnline('a');
    stranger.markClientOnline('b');
    await until(() => worker.isClientOnline('a') && worker.isClientOnline('b'));
    stranger.markClientOffline('a');
    stranger.markClientOffline('b');
    await until(() => !worker.isClientOnline('b'));
    expect([worker.isClientOnline('a'), gateway.isClientOnline('a')]).toEqual([true, true]);
  });

  it('takes the clients of a gateway offline when it stops', async () => {
    const [gateway, worker] = [await join(), await listen()];
    gateway.markClientOnline('a');
    await until(() => worker.isClientOnline('a'));
    await Promise.all([nextGone(worker), gateway.stop(), gateway.stop()]);
    expect(gateway.isClientOnline('a')).toBe(false);
  });

  it('takes the clients of a gateway that was cut off offline, and online again when it is back', async () => {
    const connection = await here.nats.connect({ reconnect: false });
    const [gateway, other, worker] = [await join({ connection }), await join(), await listen()];
    gateway.markClientOnline('a');
    other.markClientOnline('b');
    await until(() => worker.isClientOnline('a') && worker.isClientOnline('b'));
    const gone = nextGone(worker);
    await connection.close();
    expect(await gone).toBe('a');
    expect(worker.isClientOnline('b')).toBe(true);
    gateway.markClientOffline('a'); // a closed connection takes nothing, and nobody minds
  });

  it('asks for changes that it has missed', async () => {
    const [gatewayLink, workerLink] = [await here.nats.connect(), await here.nats.connect()];
    const [gateway, worker] = [await join({ connection: gatewayLink }), await listen({ connection: workerLink })];
    gateway.markClientOnline('a');
    gateway.markClientOnline('b');
    await until(() => worker.isClientOnline('b'));
    // What is published here never leaves this process, as where a connection breaks.
    const publish = jest.spyOn(gatewayLink, 'publish').mockImplementation(() => undefined);
    gateway.markClientOffline('a');
    gateway.markClientOnline('c');
    publish.mockRestore();
    await until(() => !worker.isClientOnline('a') && worker.isClientOnline('c'));
    expect(worker.isClientOnline('b')).toBe(true);
  });

  it('asks for the whole list where too many changes are missed', async () => {
    const gatewayLink = await here.nats.connect();
    const [gateway, worker] = [await join({ connection: gatewayLink }), await listen()];
    const ids = Array.from({ length: 10_000 }, (_, n) => `client-${n}-with-a-longer-name`);
    gateway.markClientOnline('first');
    gateway.markClientOnline('stays');
    await until(() => worker.isClientOnline('stays'));
    const publish = jest.spyOn(gatewayLink, 'publish').mockImplementation(() => undefined);
    gateway.markClientOffline('first');
    for (const id of ids) gateway.markClientOnline(id);
    publish.mockRestore();
    await until(() => worker.isClientOnline(ids.at(-1)!)); // in several messages
    await until(() => !worker.isClientOnline('first'));
    expect(ids.every((id) => worker.isClientOnline(id))).toBe(true);
    expect(worker.isClientOnline('stays')).toBe(true);
  });

  it('drops messages that no gateway sends', async () => {
    const [gateway, worker, stranger] = [await join(), await listen(), await here.nats.connect()];
    gateway.markClientOnline('a');
    await until(() => worker.isClientOnline('a'));
    const forged = ['', 'x', '[]', 'null', '{}', '{"kind":"stopped"}', '{"kind":"stopped","gateway":"x"}'];
    const gatewayId = 'A'.repeat(22);
    forged.push(JSON.stringify({ kind: 'change', gateway: gatewayId, version: -1, change: [0, 'a'] }));
    forged.push(JSON.stringify({ kind: 'change', gateway: gatewayId, version: 1, change: [2, 'a'] }));
    forged.push(JSON.stringify({ kind: 'lease', gateway: gatewayId, version: 0, leaseMs: 3_600_001 }));
    forged.push(JSON.stringify({ kind: 'change', gateway: gatewayId, version: 1, change: [0, 'a'] })); // of another gateway
    forged.push(
      JSON.stringify({ kind: 'all', gateway: gatewayId, version: 1, leaseMs: 1, part: 0, last: true, ids: [5] }),
    );
    for (const text of forged) stranger.publish(here.subject, text);
    for (const text of ['', 'x', '{"version":"1"}'])
      stranger.publish(`${here.subject}.sync`, text, { reply: 'nowhere' });
    await stranger.flush();
    gateway.markClientOnline('b');
    await until(() => worker.isClientOnline('b'));
    expect(worker.isClientOnline('a')).toBe(true);
  });

  it('rejects the start of a listener on a closed connection', async () => {
    const connection = await here.nats.connect();
    const presence = createPresence({ connection, subject: here.subject });
    await connection.close();
    await expect(presence.startClientOfflineListener()).rejects.toThrow();
    await expect(presence.startClientOfflineListener()).rejects.toThrow(); // tried again
  });

  it('follows nothing once it has stopped, and nobody comes online', async () => {
    const connection = await here.nats.connect();
    const presence = await join({ connection });
    presence.markClientOnline('a');
    await presence.stop();
    const subscribe = jest.spyOn(connection, 'subscribe');
    await presence.startClientOfflineListener();
    presence.markClientOnline('a');
    presence.markClientOnline('b');
    expect(['a', 'b', 'c'].map((id) => presence.isClientOnline(id))).toEqual([false, false, false]);
    expect(subscribe).not.toHaveBeenCalled();
  });

  it('can be started again when the connection is back', async () => {
    const connection = await here.nats.connect();
    const presence = await join({ connection });
    const flush = jest.spyOn(connection, 'flush').mockRejectedValueOnce(new Error('disconnected'));
    await expect(presence.startClientOfflineListener()).rejects.toThrow('disconnected');
    expect(presence.isClientOnline('a')).toBe(true);
    await presence.startClientOfflineListener();
    expect(presence.isClientOnline('a')).toBe(false);
    flush.mockRestore();
  });
});
