import { HubEngine } from '../../lib/hub/hub-engine.js';
import { resolveHubOptions } from '../../lib/hub/hub-options.js';
import { FakeStream, nextTurn } from '../support/sse/fake-stream.js';
import { ManualClock } from '../support/clock/manual-clock.js';
import { announceSeed, createRandom } from '../support/random/random.js';

const random = createRandom(announceSeed('hub churn'));
const CLIENTS = 10_000;

it('10,000 clients that connect, send and leave get all their messages, and leave nothing behind', async () => {
  const clock = new ManualClock();
  const hub = new HubEngine(resolveHubOptions({ clock, absenceMs: 60_000, maxClientsPerUser: CLIENTS }));
  const live: { stream: FakeStream; n: number }[] = [];
  let wrong = 0;
  const leave = ({ stream, n }: (typeof live)[number]): void => {
    stream.destroy();
    const direct = stream.frames.filter(({ event }) => event === 'direct').map(({ data }) => Number(data));
    if (direct.length !== 1 || direct[0] !== n) wrong++;
  };

  for (let n = 0; n < CLIENTS; n++) {
    const stream = new FakeStream('/');
    const userId = n % 3 === 0 ? `user-${n % 300}` : undefined;
    const room = `room-${n % 50}`;
    const { id } = hub.connect(stream.req, stream.res, { userId, rooms: [room] });
    live.push({ stream, n });
    hub.send(id, { event: 'direct', data: n });
    if (n % 100 === 0) hub.publish({ kind: 'room', name: room }, { event: 'room', data: n });
    if (n % 10 === 0) hub.clients.get(id).leave(room, hub.channels);
    if (live.length > 200) {
      await nextTurn();
      leave(live.splice(random.int(0, live.length - 1), 1)[0]!);
    }
    if (n % 1_000 === 999) clock.advance(10_000);
  }
  await nextTurn();
  expect([hub.clients.active, hub.statistics.totalConnections]).toEqual([200, CLIENTS]);
  expect(hub.clients.size).toBeGreaterThan(200); // those that may come back
  for (const each of live) leave(each);
  expect(wrong).toBe(0);

  clock.advance(60_000);
  await nextTurn();
  clock.advance(60_000);
  await nextTurn();
  const { clients, channels } = hub;
  expect([clients.size, clients.active, channels.rooms.size, channels.users.size]).toEqual([0, 0, 0, 0]);
  expect([channels.bufferedBytes, clock.timers]).toEqual([0, 0]);
});
