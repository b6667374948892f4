import { createRedisStore } from '../../lib/redis/index.js';
import type { TaskStore } from '../../lib/index.js';
import type { ManualClock } from '../support/manual-clock.js';
import { RedisOnClock } from '../support/redis-on-clock.js';
import { turns } from './property.js';

const TURNS = 4;

/** Where the tasks of a world live: its store, and the time and the rest of that. */
export interface Home {
  /** Undefined: the manager makes its own, in memory. */
  readonly store: TaskStore | undefined;
  /**
   * Tasks live outside this process, which only has copies of logs (docs/REDIS.md, "Sizing" and "Configuration"): the
   * budgets of memory bound the copies and cost no task its life, a copy is trimmed by itself, the statistics count
   * the copies, and the date of expiry is noted when a task ends.
   */
  readonly outside: boolean;
  /** So many timers run as long as the store is open: its own, and the sweep of what others may leave behind. */
  readonly timers: number;
  /** Lets everything happen that needs no time. */
  settle(): Promise<void>;
  /** Moves time; calls `settle` after each thing that fell due where that needs more than this process to happen. */
  advance(ms: number, settle: () => Promise<void>): Promise<void>;
  /** What there is outside this process. */
  keys(): Promise<readonly string[]>;
  close(): Promise<void>;
}

export const inMemory = async (clock: ManualClock): Promise<Home> => ({
  ...{ store: undefined, outside: false, timers: 0 },
  settle: () => turns(TURNS),
  advance: async (ms) => {
    clock.advance(ms);
  },
  keys: async () => [],
  close: async () => undefined,
});

export async function inRedis(url: string, clock: ManualClock): Promise<Home> {
  const redis = await RedisOnClock.open(url, clock);
  return {
    ...{ store: createRedisStore({ client: redis.client, prefix: redis.prefix }), outside: true, timers: 2 },
    settle: () => redis.settled(() => turns(TURNS)),
    advance: (ms, settle) => redis.advance(ms, settle),

    keys: async () => (await redis.keys()).map((key) => key.slice(redis.prefix.length)).sort(),
    close: () => redis.close(),
  };
}
