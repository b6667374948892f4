// Where the demo's tasks live: in this process, in a database file that outlives it, or in Redis for any number of servers.

const { DATABASE, REDIS_URL, REDIS_PREFIX: prefix = 'rsse-demo:', LEASE_MS = '10000', ON_LOST = 'fail' } = process.env;
/** Not every version of Node has it. @type {string} */
const NODE_SQLITE = 'node:sqlite';
const leaseMs = Number(LEASE_MS);

/** Whether jobs are kept where they outlive this process. */
export const KEEPS_JOBS = (DATABASE ?? REDIS_URL) !== undefined;

/** @returns {Promise<import('resumable-sse').TaskManagerOptions>} */
export async function storeOptions() {
  if (!KEEPS_JOBS) return {};
  const store = DATABASE === undefined ? await redisStore(REDIS_URL) : await sqliteStore(DATABASE);
  return { store, onLost: ON_LOST === 'restart' ? 'restart' : 'fail' };
}

async function redisStore(url) {
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

async function sqliteStore(file) {
  const { createSqliteStore } = await import('resumable-sse/sqlite');
  return createSqliteStore({ database: await openDatabase(file), leaseMs });
}

/** Node's own SQLite where there is one, which is from 22.13 on. */
async function openDatabase(file) {
  const { DatabaseSync } = await import(NODE_SQLITE).catch(() => ({ DatabaseSync: undefined }));
  if (DatabaseSync !== undefined) return new DatabaseSync(file);
  const { default: Database } = await import('libsql');
  return new Database(file);
}
