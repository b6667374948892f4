import { randomUUID } from 'node:crypto';
import { compileLib } from '../support/processes/compiled-lib.js';
import { ChildInstance } from '../support/redis/redis-child.js';
import { WebInstance } from '../support/redis/redis-instances.js';
import { describeWithRedisServer, RedisServer } from '../support/redis/redis-server.js';
import { until } from '../support/clock/until.js';

const PROCESSES = 3;
const MAX_ATTEMPTS = 2;

jest.setTimeout(120_000);

describeWithRedisServer('a job that kills its process', () => {
  let redis: RedisServer;
  let libUrl: string;
  const open: { close(): Promise<void> }[] = [];

  beforeAll(async () => {
    libUrl = compileLib('redis-deadly');
    redis = await RedisServer.start();
  });
  afterAll(async () => {
    await Promise.all(open.map((each) => each.close()));
    await redis.close();
  });

  it(`takes no more than ${MAX_ATTEMPTS} of ${PROCESSES} processes with it, and its clients are told why`, async () => {
    const options = { prefix: `${randomUUID()}:`, leaseMs: 500, onLost: 'restart', maxAttempts: MAX_ATTEMPTS } as const;
    const watcher = await WebInstance.open(redis.url, options); // it does not have the handler
    const children = await Promise.all(
      Array.from({ length: PROCESSES }, () => ChildInstance.start(libUrl, redis.url, options)),
    );
    open.push(watcher, ...children);
    const isAlive = ({ process: { exitCode, signalCode } }: ChildInstance): boolean =>
      exitCode === null && signalCode === null;

    const starter = children[0]!.follow('/deadly');
    await starter.until(({ frames }) => frames.length > 0);
    const client = watcher.follower(starter.resumeKey);
    await until(() => client.ended || !children.some(isAlive), 40_000);

    expect(children.filter(isAlive)).toHaveLength(PROCESSES - MAX_ATTEMPTS);
    const started = children.flatMap(({ messages }) => messages.filter(({ kind }) => kind === 'started'));
    expect(started.map(({ attempt }) => attempt).sort()).toEqual([1, 2]);
    expect(client.events.map(({ event }) => event)).toEqual(['failed']);
    expect(JSON.parse(client.last!.data)).toMatchObject({
      error: { code: 'TASK_LOST', message: `The task was lost ${MAX_ATTEMPTS} times` },
    });
    expect((await watcher.json(`/tasks/${starter.taskId}`)).body).toMatchObject({
      status: 'failed',
      attempt: MAX_ATTEMPTS,
    });
  });
});
