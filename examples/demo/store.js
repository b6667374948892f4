// Where the demo's tasks live: in this process, or with REDIS_URL in Redis, for any number of these servers together.
import { Redis } from 'ioredis6'; // installed here under the name of its major; yours is 'ioredis'
import { createRedisStore } from 'resumable-sse/redis';

const { REDIS_URL, REDIS_PREFIX: prefix = 'rsse-demo:', LEASE_MS = '10000', ON_LOST = 'fail' } = process.env;

/** @returns {import('resumable-sse').TaskManagerOptions} */
export function storeOptions() {
  if (REDIS_URL === undefined) return {};
  const client = new Redis(REDIS_URL);
  let told = '';
  client.on('error', ({ message }) => {
    if (message !== told) console.error('redis:', (told = message)); // once, not with every try to connect
  });
  return {
    store: createRedisStore({ client, prefix, leaseMs: Number(LEASE_MS) }),
    onLost: ON_LOST === 'restart' ? 'restart' : 'fail',
  };
}
