// One web instance in a process of its own, to be killed, stopped and stalled. Speaks JSON over IPC.
const [libUrl, redisUrl, options] = process.argv.slice(2);
const { prefix, leaseMs, ...managerOptions } = JSON.parse(options);
const { createTaskManager } = await import(`${libUrl}/index.js`);
const { createRedisStore } = await import(`${libUrl}/redis/index.js`);
const { default: express } = await import('express');
const { Redis } = await import('ioredis5');

const client = new Redis(redisUrl);
client.on('error', () => undefined);
const tasks = createTaskManager({
  store: createRedisStore({ client, prefix, leaseMs }),
  retryMs: 50,
  onTaskError: (error) => process.send?.({ kind: 'error', code: error?.code }),
  ...managerOptions,
});

/** Blocks the event loop in the middle of the next append: sent, and its answer not read. */
let stallMs = 0;
const stall = () => {
  const end = performance.now() + stallMs;
  stallMs = 0;
  while (performance.now() < end);
  process.send?.({ kind: 'stalled' });
};

const app = express();
const count = async ({ signal, updateProgress, attempt, lastProgress, input }) => {
  signal.addEventListener('abort', () => process.send?.({ kind: 'aborted', code: signal.reason.code }));
  process.send?.({ kind: 'started', attempt, lastProgress });
  const to = Number(input.query.to ?? Infinity);
  for (let n = (lastProgress?.n ?? 0) + 1; n <= to; n++) {
    const committed = updateProgress({ n, attempt });
    if (stallMs > 0) setImmediate(stall); // after the turn that sends it
    await committed;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return 'done';
};
app.get('/job', tasks.handler(count));
/** The same under a name, so that any instance runs a lost task of it by itself. */
app.get('/named', tasks.handler(count, { name: 'count' }));
/** The same with a state: the sum of what it has counted. */
const snapshot = { initial: () => ({ sum: 0 }), reduce: ({ sum }, { n }) => ({ sum: sum + n }) };
app.get('/sum', tasks.handler(count, { snapshot }));
/** A job that kills its process, and whoever runs it again. */
const die = async ({ attempt }) => {
  await new Promise((told) => process.send?.({ kind: 'started', attempt }, told));
  process.kill(process.pid, 'SIGKILL');
};
app.get('/deadly', tasks.handler(die, { name: 'deadly' }));
app.get('/slot/:slot', tasks.handler(count, { slot: ({ params }) => params.slot }));
app.use('/tasks', tasks.router());
const server = app.listen(0, '127.0.0.1', () => process.send?.({ kind: 'listening', port: server.address().port }));

process.on('message', async ({ kind, ms }) => {
  if (kind === 'stall') stallMs = ms;
  else if (kind === 'stop') {
    await tasks.stop({ graceMs: ms });
    process.send?.({ kind: 'stopped' });
  }
});
