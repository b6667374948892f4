// A server that does it one way, and a process with the clients that are connected to it.
import { Actor } from './actor.js';

const SERVER = new URL('./server.js', import.meta.url);
const LOAD = new URL('./load.js', import.meta.url);
/** Where all clients are to follow the same task, whoever comes first. */
const SHARED_PATH = '/stream?idempotency_key=bench';

export class Audience {
  static async open(way, count, { each = false, sparse = false } = {}) {
    const audience = new Audience();
    audience.way = way;
    audience.count = audience.sent = 0;
    audience.path = each ? '/stream' : SHARED_PATH;
    audience.sparse = sparse;
    audience.server = await Actor.spawn(SERVER, 'server');
    audience.load = await Actor.spawn(LOAD, 'load');
    audience.port = await audience.server.call('serve', way, { each });
    if (count > 0) await audience.attach(count);
    return audience;
  }

  /** So many more clients; each one's events are checked and counted. */
  async attach(count) {
    const { port, path, sparse } = this;
    // A task replays what it has sent so far.
    await this.load.call('attach', count, this.way === 'ours' ? this.sent : 0, { port, path, sparse });
    this.count += count;
    await this.server.call('settle');
  }

  /**
   * Calls what sends `each` events to every client and waits until they are there; the server's CPU per delivery in µs.
   * A client that has not got exactly these fails the run.
   */
  async deliver(each, name, ...args) {
    const before = await this.server.call('cpu');
    await Promise.all([this.server.call(name, ...args), this.load.call('received', each)]);
    this.sent += each;
    return ((await this.server.call('cpu')) - before) / (each * this.count);
  }

  /** `count` broadcasts, each when all have the one before; how late they came, in ms. */
  async broadcastLatency(count) {
    await this.load.call('latency');
    for (let i = 0; i < count; i++) await this.deliver(1, 'produce', { perTick: 1, ticks: 1, gapMs: 0 });
    return this.load.call('latency');
  }

  async close() {
    await Promise.all([this.load.exit(), this.server.exit()]);
  }
}

/** Figures of all audiences, in turn, `rounds` times after one that warms up: arrays by way. */
export async function inTurn(audiences, rounds, measure) {
  const samples = Object.fromEntries(audiences.map(({ way }) => [way, []]));
  for (let round = -1; round < rounds; round++) {
    for (const audience of audiences) {
      const figure = await measure(audience);
      if (round >= 0) samples[audience.way].push(figure);
    }
  }
  return samples;
}

/** One audience after the other, since opening them together would mix what they take. */
export async function openAudiences(ways, count, options) {
  const audiences = [];
  for (const way of ways) audiences.push(await Audience.open(way, count, options));
  return audiences;
}

export const closeAll = (audiences) => Promise.all(audiences.map((audience) => audience.close()));
