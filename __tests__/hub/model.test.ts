import fc from 'fast-check';
import { createHub, type Hub, type HubOptions } from '../../lib/index.js';
import { FakeStream, nextTurn } from '../support/sse/fake-stream.js';
import { itHolds } from '../support/random/property.js';

/**
 * ClientRegistry that come, go, stall and lose what was on its way to them, and what each of them was addressed. The network
 * is the test's: whatever was written may be lost from any frame on.
 */
const ROOMS = ['red', 'blue', 'green'];
const USERS = [undefined, undefined, 'ann', 'bob'];

const index = fc.nat(7);
const command = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('broadcast' as const), own: fc.boolean() }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('send' as const), client: index, own: fc.boolean() }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('publish' as const), room: fc.nat(2), own: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('sendToUser' as const), user: fc.constantFrom('ann', 'bob') }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('connect' as const), user: fc.nat(3), rooms: fc.subarray(ROOMS) }),
  },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('drop' as const), client: index, lost: fc.nat(6) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('vanish' as const), client: index, lost: fc.nat(6) }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('resume' as const), client: index }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('join' as const), client: index, room: fc.nat(2) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('leave' as const), client: index, room: fc.nat(2) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('stall' as const), client: index }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('drain' as const), client: index }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('turn' as const) }) },
);
type Command = typeof command extends fc.Arbitrary<infer T> ? T : never;

interface Received {
  readonly n: number;
  readonly seq: number;
}

class ModelClient {
  readonly rooms = new Set<string>();
  /** What it was addressed, by the number of the message. */
  readonly expected: number[] = [];
  readonly received: Received[] = [];
  readonly gaps: { from: number; to: number; reason: string }[] = [];
  lastEventId = '';
  stream: FakeStream | undefined;
  /** The server may still hold a connection that leads nowhere. */
  dead: FakeStream | undefined;
  readonly id: string;

  constructor(
    readonly hub: Hub,
    readonly user: string | undefined,
    readonly seqOf: Map<number, number>,
    rooms: readonly string[],
  ) {
    this.stream = new FakeStream('/');
    this.id = hub.connect(this.stream.req, this.stream.res, { userId: user, rooms }).id;
    for (const room of rooms) this.rooms.add(room);
  }

  /** The connection breaks; the last `lost` frames of it never arrived. The server is told, or not. */
  lose(lost: number, serverIsTold: boolean): void {
    const { stream } = this;
    if (stream === undefined) return;
    this.stream = undefined;
    const { frames } = stream;
    for (const { event, data, id } of frames.slice(0, Math.max(0, frames.length - lost))) {
      if (id !== undefined) this.lastEventId = id;
      const value = JSON.parse(data ?? 'null');
      if (event === 'gap') this.gaps.push(value);
      else if (event !== 'connected' && data !== undefined) {
        this.received.push({ n: value.n, seq: this.seqOf.get(value.n)! });
      }
    }
    if (serverIsTold) stream.destroy();
    else this.dead = stream;
  }

  resume(): void {
    if (this.stream !== undefined) return;
    // Nobody vouches for a client without a user: it has to wait until its old connection is seen to be dead.
    if (this.user === undefined) this.dead?.destroy();
    this.dead = undefined;
    const headers = {
      'x-client-id': this.id,
      ...(this.lastEventId === '' ? {} : { 'last-event-id': this.lastEventId }),
    };
    this.stream = new FakeStream('/', headers);
    expect(this.hub.connect(this.stream.req, this.stream.res, { userId: this.user }).id).toBe(this.id);
  }
}

async function play(commands: readonly Command[], options: HubOptions): Promise<ModelClient[]> {
  const hub = createHub({ maxClientsPerUser: 100, ...options });
  const clients: ModelClient[] = [];
  const seqOf = new Map<number, number>();
  let sent = 0;
  let seq = 0;

  const deliver = (
    to: readonly ModelClient[],
    exists: boolean,
    own: boolean,
    publish: (data: object) => void,
  ): void => {
    const n = ++sent;
    publish({ event: 'note', data: { n }, ...(own ? { id: `own-${n}` } : {}) });
    if (exists) seqOf.set(n, ++seq);
    for (const client of to) client.expected.push(n);
  };

  for (const step of commands) {
    const client = 'client' in step ? clients[step.client % Math.max(1, clients.length)] : undefined;
    const room = 'room' in step ? ROOMS[step.room]! : '';
    switch (step.do) {
      case 'broadcast':
        deliver(clients, true, step.own, (message) => hub.broadcast(message as never));
        break;
      case 'send':
        if (client !== undefined) deliver([client], true, step.own, (message) => hub.send(client.id, message as never));
        break;
      case 'publish': {
        const members = clients.filter(({ rooms }) => rooms.has(room));
        const before = seq;
        deliver(members, members.length > 0, step.own, (message) => hub.publish(room, message as never));
        // A room that somebody may still come back to is kept, and takes messages, with nobody in it.
        if (members.length === 0) seq = Math.max(before, currentSeq(hub));
        break;
      }
      case 'sendToUser': {
        const theirs = clients.filter(({ user }) => user === step.user);
        deliver(theirs, theirs.length > 0, false, (message) => hub.sendToUser(step.user, message as never));
        break;
      }
      case 'connect':
        if (clients.length < 8) clients.push(new ModelClient(hub, USERS[step.user], seqOf, step.rooms));
        break;
      case 'drop':
        client?.lose(step.lost, true);
        break;
      case 'vanish':
        client?.lose(step.lost, false);
        break;
      case 'resume':
        client?.resume();
        break;
      case 'join':
        if (client !== undefined) hub.join(client.id, room);
        client?.rooms.add(room);
        break;
      case 'leave':
        if (client !== undefined) hub.leave(client.id, room);
        client?.rooms.delete(room);
        break;
      case 'stall':
        if (client?.stream !== undefined) client.stream.full = true;
        break;
      case 'drain':
        client?.stream?.drain();
        break;
      case 'turn':
        await nextTurn();
    }
  }
  // The network is well again: everybody comes back and takes what there is.
  for (const client of clients) {
    client.lose(2, true);
    client.resume();
  }
  await nextTurn();
  await nextTurn();
  for (const client of clients) client.lose(0, true);
  await hub.stop();
  return clients;
}

/** The seq of the newest message, as a client that connects now is told. */
function currentSeq(hub: Hub): number {
  const probe = new FakeStream('/');
  const { id } = hub.connect(probe.req, probe.res);
  hub.disconnect(id);
  return Number(probe.frames[0]!.id!.split('.')[1]);
}

const commands = fc.array(command, { maxLength: 120, size: 'max' });
const RUNS = Number(process.env.RUNS ?? 100);

describe('a hub with clients that come and go', () => {
  itHolds(
    'gives each client exactly its messages, once and in the order of the hub',
    [commands],
    async (steps: Command[]) => {
      for (const { received, expected, gaps } of await play(steps, {})) {
        expect(received.map(({ n }) => n)).toEqual(expected);
        expect(gaps).toEqual([]);
      }
    },
    RUNS,
  );

  itHolds(
    'names in a gap all messages that its history no longer held',
    [commands, fc.integer({ min: 1, max: 12 })],
    async (steps: Command[], historyEvents: number) => {
      for (const { received, expected, gaps, seqOf } of await play(steps, { historyEvents })) {
        const got = received.map(({ n }) => n);
        const numbers = new Set(got);
        expect(got).toEqual(expected.filter((n) => numbers.has(n)));
        const missing = expected.filter((n) => !numbers.has(n)).map((n) => seqOf.get(n)!);
        const unnamed = missing.filter((seq) => !gaps.some(({ from, to }) => from <= seq && seq <= to));
        expect(unnamed).toEqual([]);
        // Nor is there a false alarm, but where a message's own id is no longer kept and nobody can tell.
        const idle = gaps.filter(({ from, to }) => !missing.some((seq) => from <= seq && seq <= to));
        expect(idle.filter(({ reason }) => reason !== 'unknown')).toEqual([]);
      }
    },
    RUNS,
  );
});
