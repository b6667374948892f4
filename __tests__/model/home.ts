import { createRedisStore } from '../../lib/redis/index.js';
import type { TaskStore } from '../../lib/index.js';
import { createSqliteStore } from '../../lib/sqlite/index.js';
import { ManualClock } from '../support/clock/manual-clock.js';
import type { SqliteFiles } from '../support/sqlite/sqlite-files.js';
import { RedisOnClock } from '../support/redis/redis-on-clock.js';
import { turns } from './property.js';

const TURNS = 4;
/** Reads and writes of several turns, one after the other. */
const SQLITE_TURNS = 12;

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

/**
 * In a file that this process alone has open. The store goes by a clock of its own, moved together with the other one: how
 * often it polls is its own business, and no trace that a refusal leaves.
 */
export async function inSqlite(files: SqliteFiles, clock: ManualClock): Promise<Home> {
  const database = files.connect();
  const own = new ManualClock();
  own.wallNow = () => clock.wallNow();
  const open = createSqliteStore({ database });
  const settle = (): Promise<void> => turns(SQLITE_TURNS);
  return {
    ...{ store: (settings) => open({ ...settings, clock: own }), outside: true, timers: 1, settle },

    advance: async (ms, settleAll) => {
      for (let left = ms; left > 0;) {
        const step = Math.min(left, clock.nextIn, own.nextIn);
        left -= step;
        own.advance(step);
        await settle();
        clock.advance(step);
        await settleAll();
      }
    },

    keys: async () => [],
    close: async () => files.close(database),
  };
}
