import type { Command, RedisListener, RedisPort } from '../../../lib/redis/clients/client-port.js';

/** Signs of life and the test of notifications go on beside what a test counts. */
const isBackground = ({ key, args }: Command): boolean =>
  key.endsWith('{fleet}:instances') || args.some((word) => word.includes('"kind":"echo"'));

/** What follows from an answer is sent within so many turns. */
const QUIET_TURNS = 10;

/**
 * Counts how often somebody has to wait for Redis: answers are held back until all that are under way have arrived, and
 * are then given together. That is one round trip, however many commands have travelled in it.
 */
export class RoundTrips {
  count = 0;
  #underWay = 0;
  #held: (() => void)[] = [];

  /** The same port, whose answers are counted. */
  through(port: RedisPort): RedisPort {
    return {
      get ready() {
        return port.ready;
      },
      get cluster() {
        return port.cluster;
      },
      send: (commands) =>
        port.send(commands).map((reply, index) => (isBackground(commands[index]!) ? reply : this.#hold(reply))),
      sendTo: (master, args) => port.sendTo(master, args),
      onReady: (listener) => port.onReady(listener),
      listen: (onMessage, onReady) => this.#listener(port.listen(onMessage, onReady)),
      probe: (key) => port.probe(key),
      reconnect: () => port.reconnect(),
    };
  }

  /** Does `work` when nothing else is under way, and answers how many round trips it took. */
  async of(work: () => Promise<unknown>): Promise<number> {
    for (let quiet = 0; quiet < QUIET_TURNS; quiet = this.#underWay === 0 ? quiet + 1 : 0) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    const before = this.count;
    await work();
    return this.count - before;
  }

  #listener(listener: RedisListener): RedisListener {
    return {
      subscribe: (channel) => this.#hold(listener.subscribe(channel)),
      unsubscribe: (channel) => listener.unsubscribe(channel),
      close: () => listener.close(),
    };
  }

  #hold<T>(reply: Promise<T>): Promise<T> {
    this.#underWay++;
    const arrived = reply.then(
      () => undefined,
      () => undefined,
    );
    return arrived.then(() => this.#together()).then(() => reply);
  }

  #together(): Promise<void> {
    return new Promise((resolve) => {
      this.#held.push(resolve);
      if (--this.#underWay > 0) return;
      this.count++;
      for (const tell of this.#held.splice(0)) tell();
    });
  }
}
