/** The entry `./redis`: the store on Redis, and its options. */
export { createRedisStore } from './create-redis-store.js';
export type { RedisStoreOptions } from './create-redis-store.js';
export type { IoredisLike } from './clients/ioredis-port.js';
export type { NodeRedisLike } from './clients/node-redis-port.js';
