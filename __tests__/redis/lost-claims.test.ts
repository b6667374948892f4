import { randomUUID } from 'node:crypto';
import { createTaskStore } from '../../lib/distributed/create-task-store.js';
import { createTaskManager, type AsyncTask, type TaskManager } from '../../lib/index.js';
import type { Command, RedisPort } from '../../lib/redis/clients/client-port.js';
import { openPort } from '../../lib/redis/clients/open-port.js';
import { Keys } from '../../lib/redis/keys.js';
import { RedisDriver } from '../../lib/redis/redis-driver.js';
import { CLAIM } from '../../lib/redis/scripts/log-scripts.js';
import { startCutProxy } from '../support/http/cut-proxy.js';
import { CLIENTS, openClient, type TestClient } from '../support/redis/redis-clients.js';
import { describeWithRedisServer, RedisServer } from '../support/redis/redis-server.js';
import { SteppedJob } from '../support/jobs/stepped-job.js';
import { until } from '../support/clock/until.js';

const NAME = 'stepped';
/** Far less than a sweep takes to come round, which would find the task as well. */
const SOON_MS = 10_000;

/** The same port, which says so before it sends the first claim. */
function beforeClaim(port: RedisPort, claiming: () => void): RedisPort {
  let isFirst = true;
  const isClaim = ({ args }: Command): boolean => args[1] === CLAIM.sha || args[1] === CLAIM.text;
  return new Proxy(port, {
    get(target, name: keyof RedisPort) {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== 'function') return member;
      if (name !== 'send') return member.bind(target) as unknown;
      return (commands: readonly Command[]) => {
        if (isFirst && commands.some(isClaim)) {
          isFirst = false;
          claiming();
        }
        return target.send(commands);
      };
    },
  });
}

describeWithRedisServer('a claim whose answer is lost with the connection', () => {
  let redis: RedisServer;
  let admin: TestClient;
  let prefix: string;
  const open: (() => unknown)[] = [];

  beforeAll(async () => {
    redis = await RedisServer.start();
    admin = await openClient(redis.url);
    await admin.command('SCRIPT', 'LOAD', CLAIM.text); // or the first try is answered with NOSCRIPT
  });
  afterAll(async () => {
    admin.close();
    await redis.close();
  });
  beforeEach(() => {
    prefix = `${randomUUID()}:`;
  });
  afterEach(async () => {
    for (const close of open.splice(0).reverse()) await close();
  });

  function instanceOn(port: RedisPort, job: AsyncTask): TaskManager {
    const store = createTaskStore(new RedisDriver(port, prefix));
    const tasks = createTaskManager({ store, onLost: 'restart', onTaskError: () => undefined });
    tasks.handler(job, { name: NAME });
    open.push(() => tasks.stop());
    return tasks;
  }

  it.each(Object.entries(CLIENTS))(
    'is won when the client, or the instance, asks again, and the task runs once: %s',
    async (_, openOther) => {
      const stepped = new SteppedJob();
      const one = await openClient(redis.url);
      open.push(() => one.close());
      const first = instanceOn(openPort(one.client), stepped.job);
      const { taskId } = await first.start(stepped.job, { name: NAME });
      await stepped.started();

      const proxy = await startCutProxy({ upstreamPort: redis.port });
      open.push(() => proxy.close());
      const other = await openOther(`redis://127.0.0.1:${proxy.port}`);
      open.push(() => other.close());
      const token = async (): Promise<unknown> => admin.command('HGET', new Keys(prefix).task(taskId), 'token');
      let cutting: Promise<void> | undefined;
      const cutOnceCarriedOut = async (): Promise<void> => {
        proxy.pause(); // the answer stays on its way
        await until(async () => (await token()) !== '1');
        proxy.cutAll();
        proxy.resume();
      };
      const port = beforeClaim(openPort(other.client), () => {
        cutting = cutOnceCarriedOut();
      });
      const second = instanceOn(port, stepped.job);

      await first.stop();
      await until(() => stepped.runs === 2, SOON_MS);
      await cutting;
      expect(proxy.cuts).toBeGreaterThan(0);
      expect(stepped.context).toMatchObject({ taskId, attempt: 2 });
      stepped.end('done');
      await until(async () => (await second.getTaskInfo(taskId)).status !== 'running');
      expect(await second.getTaskInfo(taskId)).toMatchObject({ status: 'completed', attempt: 2, result: 'done' });
      expect(stepped.runs).toBe(2);
    },
  );
});
