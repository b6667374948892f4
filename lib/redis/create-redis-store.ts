import { TaskError } from '../core/errors.js';
import type { TaskStore } from '../core/ports.js';
import { createTaskStore } from '../distributed/create-task-store.js';
import type { IoredisLike } from './ioredis-port.js';
import type { NodeRedisLike } from './node-redis-port.js';
import { openPort } from './open-port.js';
import { RedisDriver } from './redis-driver.js';

export interface RedisStoreOptions {
  /**
   * A client of ioredis or node-redis, 5 or 6: of one server, of a cluster, or by Sentinel. It stays the caller's, who opens
   * and closes it; the store only has it connect again where a server hangs and another one has taken its place.
   */
  client: IoredisLike | NodeRedisLike;
  /** What all keys begin with. Default 'rsse:'. */
  prefix?: string;
  /**
   * How long an instance may be silent before its tasks are lost, in ms, from 200 on. Default 10_000. Instances may
   * differ: each is judged by its own.
   */
  leaseMs?: number;
}

/**
 * Keeps tasks in Redis 6.2 or newer, or what speaks its protocol, so that any number of instances serve the same tasks.
 * One store per manager. Beside the client's it opens one connection, which listens.
 * @example createTaskManager({ store: createRedisStore({ client: new Redis() }) })
 * @throws TaskError `INVALID_OPTION`
 */
export function createRedisStore({ client, prefix = 'rsse:', leaseMs }: RedisStoreOptions): TaskStore {
  const port = openPort(client);
  if (typeof prefix !== 'string' || /[{}\s]/.test(prefix)) {
    throw new TaskError('INVALID_OPTION', 'Expected prefix to be text without braces and spaces');
  }
  return createTaskStore(new RedisDriver(port, prefix), leaseMs === undefined ? {} : { leaseMs });
}
