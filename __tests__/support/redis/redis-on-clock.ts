import { createHash, randomUUID } from 'node:crypto';
import { createClient } from 'redis6';
import type { NodeRedisLike } from '../../../lib/redis/index.js';
import type { ManualClock } from '../clock/manual-clock.js';

/** A millisecond of the test is so many for the server: what a run really takes is less than one of them. */
const STRETCH = 1_000_000;

/** Put before a script: the server's time is what the test says it is, and what expires does so by that. */
const preludeOf = (clockKey: string): string => `
local server = redis.call
local redis = { pcall = redis.pcall, call = function(name, ...)
  if name == 'TIME' then
    local now = tonumber(server('GET', '${clockKey}'))
    return { math.floor(now / 1000), now % 1000 * 1000 }
  end
  local words = {...}
  if name == 'PTTL' then
    local left = server(name, words[1])
    return left < 0 and left or math.floor(left / ${STRETCH})
  end
  if name == 'PEXPIRE' then words[2] = string.format('%.0f', words[2] * ${STRETCH}) end
  if name == 'SET' and words[3] == 'PX' then words[4] = string.format('%.0f', words[4] * ${STRETCH}) end
  return server(name, unpack(words))
end }
`;

/** KEYS clock. ARGV prefix, ms, the same for the server. */
const PASS = `
redis.call('INCRBY', KEYS[1], ARGV[2])
for _, key in ipairs(redis.call('KEYS', ARGV[1] .. '*')) do
  local left = redis.call('PTTL', key)
  if left >= 0 then redis.call('PEXPIRE', key, left - ARGV[3]) end
end`;

const sha1 = (text: string): string => createHash('sha1').update(text).digest('hex');
const ignore = (): void => undefined;

const clientOf = (url: string) => createClient({ url });
type Client = ReturnType<typeof clientOf>;

/** A real server whose time stands still until the test moves it, and which says when nothing is under way any more. */
export class RedisOnClock {
  readonly prefix = `model:${randomUUID()}:`;
  /** What a store is given as its client. */
  readonly client: NodeRedisLike;
  readonly #clockKey = `clock:${this.prefix}`;
  readonly #prelude = preludeOf(this.#clockKey);
  readonly #scripts = new Map<string, string>();
  readonly #listeners = new Set<Client>();
  /** Commands that were sent; those that were not answered. */
  #sent = 0;
  #open = 0;
  #waiting: (() => void)[] = [];

  private constructor(
    readonly redis: Client,
    readonly clock: ManualClock,
  ) {
    this.client = this.#watch(redis, { sendCommand: (words: string[]) => this.#send(words) });
  }

  static async open(url: string, clock: ManualClock): Promise<RedisOnClock> {
    const redis = clientOf(url);
    redis.on('error', ignore);
    await redis.connect();
    const opened = new RedisOnClock(redis, clock);
    await redis.set(opened.#clockKey, String(clock.startedAtMs));
    return opened;
  }

  /** Waits until every command is answered, and what it has notified others of is heard and done. */
  async settled(turns: () => Promise<void>): Promise<void> {
    let sent: number;
    do {
      sent = this.#sent;
      await turns();
      if (this.#open > 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
      await Promise.all([...this.#listeners].map((listener) => listener.ping().catch(ignore))); // behind all that was published
      await turns();
    } while (this.#sent !== sent || this.#open > 0);
  }

  /** Moves the clock of the test and that of the server together. */
  async advance(ms: number, settle: () => Promise<void>): Promise<void> {
    for (let left = ms; left > 0;) {
      const step = Math.min(left, this.clock.nextIn);
      left -= step;
      await this.redis.eval(PASS, {
        keys: [this.#clockKey],
        arguments: [this.prefix, String(step), String(step * STRETCH)],
      });
      this.clock.advance(step);
      await settle();
    }
  }

  keys(): Promise<string[]> {
    return this.redis.keys(`${this.prefix}*`);
  }

  async close(): Promise<void> {
    const left = await this.keys();
    await this.redis.del([this.#clockKey, ...left]);
    this.redis.destroy();
  }

  async #send(words: readonly string[]): Promise<unknown> {
    this.#sent++;
    this.#open++;
    try {
      return await this.redis.sendCommand(this.#translate(words));
    } finally {
      this.#answered();
    }
  }

  #answered(): void {
    if (--this.#open > 0) return;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #translate(words: readonly string[]): string[] {
    const [name = '', first = '', ...rest] = words;
    if (name === 'EVAL') {
      const text = this.#prelude + first;
      this.#scripts.set(sha1(first), sha1(text));
      return [name, text, ...rest];
    }
    if (name === 'EVALSHA') return [name, this.#scripts.get(first) ?? first, ...rest];
    const stretched = (ms = ''): string => String(Number(ms) * STRETCH);
    if (name === 'PEXPIRE') return [name, first, stretched(rest[0])];
    if (name === 'SET') return [name, first, ...rest.slice(0, 2), stretched(rest[2])];
    return [...words];
  }

  /** The connection that listens: what it asks for counts as well. */
  #duplicate(): Client {
    const listener = this.redis.duplicate();
    const counted = async (act: () => Promise<unknown>): Promise<unknown> => {
      this.#sent++;
      this.#open++;
      try {
        return await act();
      } finally {
        this.#answered();
      }
    };
    return this.#watch(listener, {
      connect: () =>
        counted(async () => {
          await listener.connect();
          this.#listeners.add(listener);
        }),
      subscribe: (...args: Parameters<Client['subscribe']>) => counted(() => listener.subscribe(...args)),
      unsubscribe: (...args: Parameters<Client['unsubscribe']>) => counted(() => listener.unsubscribe(...args)),
      destroy: () => {
        this.#listeners.delete(listener);
        listener.destroy();
      },
    });
  }

  #watch(client: Client, changed: object): Client {
    const instead: object = { duplicate: () => this.#duplicate(), ...changed };
    return new Proxy(client, {
      get: (target, name) => {
        if (name in instead) return Reflect.get(instead, name) as unknown;
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      },
    });
  }
}
