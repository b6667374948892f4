export { createRedisStore } from './create-redis-store.js';
export type { RedisStoreOptions } from './create-redis-store.js';
export type { IoredisLike } from './ioredis-port.js';
export type { NodeRedisLike } from './node-redis-port.js';
