/** Makes the store for the manager's option `store` from a Redis client. */
import { ANYTHING, checkOptions, type OptionRules } from '../core/check-options.js';
import type { TaskStore } from '../core/ports.js';
import { createTaskStore, type TaskStoreOptions } from '../distributed/create-task-store.js';
import type { IoredisLike } from './clients/ioredis-port.js';
import type { NodeRedisLike } from './clients/node-redis-port.js';
import { openPort } from './clients/open-port.js';
import { RedisDriver } from './redis-driver.js';

/** Options of `createRedisStore`. */
export interface RedisStoreOptions extends TaskStoreOptions {
  /**
   * A client of ioredis or node-redis, 5 or 6: of one server, of a cluster, or by Sentinel. It stays the caller's, who opens
   * and closes it; the store only has it connect again where a server hangs and another one has taken its place.
   */
  client: IoredisLike | NodeRedisLike;
  /** The prefix of all keys. Default 'rsse:'. */
  prefix?: string;
}

const OPTION_RULES: OptionRules<RedisStoreOptions> = {
  client: ANYTHING, // openPort says what is wrong with it
  prefix: {
    text: 'text without braces and spaces',
    accepts: (value) => typeof value === 'string' && !/[{}\s]/.test(value),
  },
  leaseMs: ANYTHING, // checked by createTaskStore
};

/**
 * Keeps tasks in Redis 6.2 or newer, or what speaks its protocol, so that any number of instances serve the same tasks.
 * One store per manager. Beside the client's it opens one connection, which listens.
 * @example createTaskManager({ store: createRedisStore({ client: new Redis() }) })
 * @throws TaskError `INVALID_OPTION`
 */
export function createRedisStore(options: RedisStoreOptions): TaskStore {
  const { client, prefix = 'rsse:', ...rest } = checkOptions('createRedisStore', options, OPTION_RULES);
  return createTaskStore(new RedisDriver(openPort(client), prefix), rest);
}
