// Where the demo's tasks live: in this process, in a database file that outlives it, or in Redis for any number of servers.

const { DATABASE, REDIS_URL, REDIS_PREFIX: prefix = 'rsse-demo:', LEASE_MS = '10000', ON_LOST = 'fail' } = process.env;

/** Whether jobs are kept where they outlive this process. */
export const KEEPS_JOBS = (DATABASE ?? REDIS_URL) !== undefined;

/** @returns {Promise<import('resumable-sse').TaskManagerOptions>} */
export async function storeOptions() {
  if (REDIS_URL === undefined) return {};
  const leaseMs = Number(LEASE_MS);
  const onLost = ON_LOST === 'restart' ? 'restart' : 'fail';
  return { store: await redisStore(REDIS_URL, leaseMs), onLost };
}

async function redisStore(url, leaseMs) {
  const [{ Redis }, { createRedisStore }] = await Promise.all([
    import('ioredis6'), // installed here under the name of its major; yours is 'ioredis'
    import('resumable-sse/redis'),
  ]);
  const client = new Redis(url);
  let told = '';
  client.on('error', ({ message }) => {
    if (message !== told) console.error('redis:', (told = message)); // once, not with every try to connect
  });
  return createRedisStore({ client, prefix, leaseMs });
}
