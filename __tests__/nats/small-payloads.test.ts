import type { Msg, NatsConnection } from '@nats-io/transport-node';
import { createPresence } from '../../lib/nats/index.js';
import { ManualClock } from '../support/clock/manual-clock.js';
import { describeWithNatsServer, Nats } from '../support/nats/nats-server.js';
import { Calls, codeOf, LEASE_MS, openGateway, openWorker, textsOf } from '../support/nats/stream-parties.js';
import { until } from '../support/clock/until.js';

/** The longest there are, and what JSON doubles. */
const longId = (n: number): string => `${'"\\'.repeat(60)}${n}`;

describeWithNatsServer('a NATS server with a small max_payload', () => {
  let nats: Nats;
  beforeAll(async () => {
    nats = await Nats.configured('max_payload: 4096');
  });
  afterAll(() => nats.close());

  it('lets a listener learn all clients, and all changes that it missed', async () => {
    const link = await nats.connect();
    const gateway = createPresence({ connection: link, leaseMs: LEASE_MS });
    const listener = createPresence({ connection: await nats.connect(), leaseMs: LEASE_MS });
    nats.beforeClose(() => Promise.all([gateway.stop(), listener.stop()]).then(() => undefined));
    const ids = Array.from({ length: 300 }, (_, n) => longId(n));
    for (const id of ids) gateway.markClientOnline(id);
    await listener.startClientOfflineListener();
    expect(ids.filter((id) => !listener.isClientOnline(id))).toEqual([]);

    const publish = jest.spyOn(link, 'publish').mockImplementation(() => undefined); // all of it is lost
    for (const id of ids.slice(1)) gateway.markClientOffline(id);
    publish.mockRestore();
    await until(() => ids.slice(1).every((id) => !listener.isClientOnline(id)));
    expect(listener.isClientOnline(ids[0]!)).toBe(true);
  });

  it('lets a worker refuse messages that are too large even while it is disconnected', async () => {
    const [gateway, worker, calls] = [await openGateway(nats), await openWorker(nats), new Calls()];
    worker.responder.subscribe('jobs', calls.handler);
    await worker.connection.flush();
    gateway.presence.markClientOnline('ann');
    const stream = gateway.requester.streamRequestWithClient('jobs', '', 'ann');
    const { sender, done } = await calls.call();
    const info = jest.spyOn(worker.connection, 'info', 'get').mockReturnValue(undefined as never);
    const codes = [await codeOf(sender.send('x'.repeat(4_000))), await codeOf(sender.send('x'))];
    info.mockRestore();
    done();
    expect([codes, await textsOf(stream)]).toEqual([['EVENT_TOO_LARGE', 'resolved'], ['x']]);
  });
});

describe('a gateway that many listeners ask for all its clients', () => {
  it('tells one after the other, each once, and renews its lease in between', async () => {
    const clock = new ManualClock();
    const told: string[] = [];
    const flushes: (() => void)[] = [];
    let ask: (reply: string) => void = () => undefined;
    const connection = {
      info: undefined,
      publish: (subject: string, text: string) => {
        told.push(`${(JSON.parse(text) as { kind: string }).kind} ${subject}`);
      },
      subscribe: (_subject: string, { callback }: { callback: (error: null, msg: Msg) => void }) => {
        ask = (reply) => {
          callback(null, { string: () => '{}', reply } as Msg);
        };
        return { unsubscribe: () => undefined };
      },
      flush: () => new Promise<void>((resolve) => flushes.push(resolve)),
    };
    const presence = createPresence({ connection: connection as unknown as NatsConnection, subject: 'p', clock });
    presence.markClientOnline('ann');
    for (const reply of ['a', 'b', 'b', 'a', 'c']) ask(reply);
    expect(told.splice(0)).toEqual(['change p', 'all a']);
    for (const next of ['all b', 'all a', 'all c']) {
      clock.advance(1_250);
      flushes.shift()?.();
      await until(() => told.length === 2);
      expect(told.splice(0)).toEqual(['lease p', next]);
    }
    flushes.shift()?.();
    const stopped = presence.stop();
    flushes.shift()?.();
    await stopped;
    expect(told).toEqual(['stopped p']);
  });
});
