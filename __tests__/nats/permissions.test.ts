import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NatsConnection } from '@nats-io/transport-node';
import { createPresence, createStreamRequester, createStreamResponder } from '../../lib/nats/index.js';
import { describeWithNatsServer, Nats } from '../support/nats/nats-server.js';
import { aborted, Calls, LEASE_MS, nextOf } from '../support/nats/stream-parties.js';
import { until } from '../support/clock/until.js';

type Role = 'gateways' | 'workers';
const INBOX = { gateways: '_GATEWAY', workers: '_WORKER' } as const;

/** What docs/NATS.md says that a role needs, and nothing else. */
function permissionsOf(role: Role, inboxes: Readonly<Record<Role, string>>): string {
  const guide = readFileSync(join(__dirname, '../../docs/NATS.md'), 'utf8');
  const [, ...cells] = guide.match(new RegExp(`^\\| ${role} +\\|(.*)\\|(.*)\\|$`, 'm'))!;
  const [publish, subscribe] = cells.map((cell, column) => {
    const own = column === 1 ? role : role === 'gateways' ? 'workers' : 'gateways';
    const named = [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name!.replace('_INBOX', inboxes[own]));
    return JSON.stringify(cell.includes('your subjects') ? ['jobs', ...named] : named);
  });
  return `{ user: ${role}, password: x, permissions: { publish: ${publish}, subscribe: ${subscribe} } }`;
}

const told = ({ mock }: jest.SpyInstance, what: string): boolean => JSON.stringify(mock.calls).includes(what);

describeWithNatsServer('with the permissions of docs/NATS.md and no others', () => {
  let nats: Nats | undefined;
  afterEach(() => nats?.close());

  const start = async (inboxes: Readonly<Record<Role, string>> = INBOX): Promise<Nats> => {
    const users = (['gateways', 'workers'] as const).map((role) => permissionsOf(role, inboxes));
    return (nats = await Nats.configured(`authorization: { users: [ ${users.join(', ')} ] }`));
  };
  /** A connection, and what the server forbids it. */
  const connectAs = async (role: Role): Promise<{ connection: NatsConnection; forbidden: string[] }> => {
    const connection = await nats!.connect({ user: role, pass: 'x' });
    const forbidden: string[] = [];
    void (async () => {
      for await (const status of connection.status()) if (status.type === 'error') forbidden.push(String(status.error));
    })();
    return { connection, forbidden };
  };

  it.each([
    ['the inboxes that NATS has by itself', { gateways: '_INBOX', workers: '_INBOX' }],
    ['inboxes of their own', INBOX],
  ])('everything works: %s', async (_what, inboxes) => {
    await start(inboxes);
    const [gateway, worker] = [await connectAs('gateways'), await connectAs('workers')];
    const served = createPresence({ connection: gateway.connection, leaseMs: LEASE_MS, inboxPrefix: inboxes.gateways });
    const known = createPresence({ connection: worker.connection, leaseMs: LEASE_MS, inboxPrefix: inboxes.workers });
    served.markClientOnline('early');
    served.markClientOnline('ann');
    const calls = new Calls();
    await known.startClientOfflineListener(); // asks, and is told
    expect(['early', 'x'].map((id) => known.isClientOnline(id))).toEqual([true, false]);
    createStreamResponder({
      connection: worker.connection,
      presence: known,
      inboxPrefix: inboxes.workers,
    }).subscribe('jobs', calls.handler, { queue: 'workers' });
    await worker.connection.flush();
    const requester = createStreamRequester({
      connection: gateway.connection,
      presence: served,
      inboxPrefix: inboxes.gateways,
      windowMessages: 2,
    });
    const iterator = requester.streamRequestWithClient('jobs', '', 'ann')[Symbol.asyncIterator]();
    const { request, sender } = await calls.call();
    const sending = (async () => {
      for (let n = 1; n <= 9; n++) await sender.send(String(n)); // needs credit
    })();
    for (let n = 1; n <= 9; n++) expect((await nextOf(iterator)).string()).toBe(String(n));
    await sending;
    expect(await request.watchers()).toBe(1);
    served.markClientOffline('ann');
    expect(await aborted(request.signal)).toMatchObject({ code: 'CLIENT_OFFLINE' });
    await until(() => !known.isClientOnline('ann'));
    await Promise.all([served.stop(), known.stop()]);
    expect([gateway.forbidden, worker.forbidden]).toEqual([[], []]);
  });

  it('a worker cannot say who is online', async () => {
    await start();
    const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const { connection, forbidden } = await connectAs('workers');
    createPresence({ connection }).markClientOnline('ann');
    await until(() => forbidden.some((text) => text.includes('Publish to "resumable-sse.presence"')));
    await until(() => told(warn, 'the subscription to resumable-sse.presence.sync'));
    warn.mockRestore();
  });

  it('a listener that may not listen is refused when it starts', async () => {
    await start();
    const { connection } = await connectAs('gateways');
    const presence = createPresence({ connection, inboxPrefix: INBOX.gateways });
    await expect(presence.startClientOfflineListener()).rejects.toThrow('Permissions Violation');
  });

  it('a subscription that is not allowed is reported', async () => {
    await start();
    const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const { connection } = await connectAs('gateways');
    const presence = createPresence({ connection, inboxPrefix: INBOX.gateways });
    const responder = createStreamResponder({ connection, presence, inboxPrefix: INBOX.gateways });
    responder.subscribe('jobs', () => undefined);
    await until(() => told(warn, 'the subscription to jobs'));
    warn.mockRestore();
    await responder.stop({ graceMs: 0 });
  });
});
