import type { HubOptions } from '../../lib/index.js';
import { HubEngine } from '../../lib/hub/hub-engine.js';
import { resolveHubOptions } from '../../lib/hub/hub-options.js';
import { FakeStream, nextTurn } from '../support/sse/fake-stream.js';
import { ManualClock } from '../support/clock/manual-clock.js';

const makeHub = (options: HubOptions = {}): HubEngine =>
  new HubEngine(resolveHubOptions({ clock: new ManualClock(), maxClientsPerUser: 1_000, ...options }));

interface Visit {
  readonly id: string;
  readonly stream: FakeStream;
}

function connect(hub: HubEngine, userId?: string, room?: string): Visit {
  const stream = new FakeStream('/');
  const { id } = hub.connect(stream.req, stream.res, { userId, ...(room === undefined ? {} : { rooms: [room] }) });
  return { id, stream };
}

/** Connects and goes away; returns the id to come back with. */
function leave(hub: HubEngine, userId?: string, room?: string): string {
  const { id, stream } = connect(hub, userId, room);
  stream.destroy();
  return id;
}

/** Comes back with the position of having received nothing but the first frame. */
async function comeBack(
  hub: HubEngine,
  id: string,
  userId: string | undefined,
  lastEventId: string,
): Promise<string[]> {
  const stream = new FakeStream('/', { 'x-client-id': id, 'last-event-id': lastEventId });
  hub.connect(stream.req, stream.res, { userId });
  await nextTurn();
  return stream.frames.map(({ event, data }) => event ?? JSON.parse(String(data)));
}

describe('users who are away', () => {
  it.each([
    ['one user', 'eve'],
    ['somebody without a name', undefined],
  ])('are remembered, however often %s connects and leaves', (_whose, flooder) => {
    const hub = makeHub();
    const others = ['ann', 'bob', 'cid'].flatMap((user) => [leave(hub, user, 'news'), leave(hub, user, 'news')]);
    for (let count = 0; count < 10_000; count++) leave(hub, flooder);
    const { clients } = hub;
    expect(others.map((id) => clients.find(id)?.rooms)).toEqual(others.map(() => ['news']));
    expect(clients.size).toBe(10_000);
    hub.stop();
  });

  it('are forgotten, those away longest first, where nobody is away with two clients', () => {
    const hub = makeHub({ maxAbsentClients: 3 });
    const ids = ['ann', 'bob', 'cid', 'dan', 'eve'].map((user) => leave(hub, user));
    expect(ids.map((id) => hub.clients.find(id) !== undefined)).toEqual([false, false, true, true, true]);
    hub.stop();
  });

  it.each([
    ['one user', 'eve'],
    ['somebody without a name', undefined],
  ])('keep what was sent to them while %s writes 280 messages to their own clients', async (_whose, flooder) => {
    const KIB = 1_024;
    const hub = makeHub({ historyBytes: 16 * KIB, maxHistoryBytes: 64 * KIB });
    const position = `${hub.messages.epoch}.0`;
    const ann = leave(hub, 'ann', 'news');
    hub.publish({ kind: 'all', name: '' }, { data: 'for all' });
    hub.publish({ kind: 'room', name: 'news' }, { data: 'news' });
    hub.publish({ kind: 'user', name: 'ann' }, { data: 'for ann' });
    hub.send(ann, { data: 'direct' });

    const own = Array.from({ length: 7 }, () => connect(hub, flooder));
    for (let count = 0; count < 280; count++) {
      hub.send(own[count % own.length]!.id, { data: 'x'.repeat(KIB) });
      if (count % 10 === 9) await nextTurn();
    }
    for (const { stream } of own) expect(stream.frames.filter(({ event }) => event === undefined)).toHaveLength(40);
    expect(hub.channels.bufferedBytes).toBeLessThanOrEqual(64 * KIB);
    expect(await comeBack(hub, ann, 'ann', position)).toEqual(['connected', 'for all', 'news', 'for ann', 'direct']);
    hub.stop();
  });
});
