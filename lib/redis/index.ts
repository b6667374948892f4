export { createRedisStore } from './redis-store.js';
export type { RedisStoreOptions } from './redis-store.js';
export type { IoredisLike, NodeRedisLike } from './client-port.js';
