import { randomUUID } from 'node:crypto';
import type { Created } from '../../lib/distributed/port/calls.js';
import type { TaskDriver } from '../../lib/distributed/port/driver.js';
import { ManualClock } from '../../lib/testing/manual-clock.js';
import { created, draft } from '../contracts/driver-steps.js';
import { Keys } from '../../lib/redis/keys.js';
import { openClient, type TestClient } from '../support/redis/redis-clients.js';
import { driverOn } from '../support/redis/redis-drivers.js';
import { describeWithRedis, openRedis, type Redis } from '../support/redis/redis-server.js';
import { until } from '../support/clock/until.js';

const OWNER = 'ann';
const KEY = 'once';

describeWithRedis('a start that finds its places taken by others with the same idempotency key', () => {
  let redis: Redis;
  let client: TestClient;
  let prefix: string;
  let clock: ManualClock;
  let driver: TaskDriver;
  beforeAll(async () => {
    redis = await openRedis();
    client = await openClient(redis.url);
  });
  beforeEach(() => {
    prefix = `${randomUUID()}:`;
    clock = new ManualClock();
    driver = driverOn(client, prefix, { clock, maxTasksPerOwner: 2 });
  });
  afterEach(() => driver.close());
  afterAll(async () => {
    client.close();
    await redis.close();
  });

  const keyOfStart = (): string => new Keys(prefix).idempotencyKey(OWNER, KEY);

  /** A start that has its places and has not taken its idempotency key yet. */
  const undecided = async (slot?: string): Promise<string> => {
    const { taskId } = await created(driver, { owner: OWNER, idempotencyKey: KEY, slot });
    await client.command('DEL', keyOfStart());
    return taskId;
  };

  /** Starts once more, and does `meanwhile` as soon as the store has the new task. */
  const startAgain = async (
    slot: string | undefined,
    meanwhile: () => Promise<unknown>,
    idempotencyKey = KEY,
  ): Promise<Created> => {
    const again = draft({ owner: OWNER, idempotencyKey, slot });
    let answer: Created | undefined;
    const starting = driver.create(again, 'one').then((created) => (answer = created));
    await until(async () => (await client.command('EXISTS', new Keys(prefix).task(again.taskId))) === 1);
    await meanwhile();
    await until(() => {
      clock.advance(50);
      return answer !== undefined;
    });
    return starting;
  };

  it('is told of the one that takes the key, and not of one that loses it and is undone', async () => {
    await undecided();
    const winner = await undecided();
    const answer = await startAgain(undefined, () => client.command('SET', keyOfStart(), winner));
    expect(answer).toMatchObject({ taken: 'idempotencyKey', by: { taskId: winner } });
  });

  it('is told so too where the loser still has the slot', async () => {
    await undecided('chat');
    const winner = await undecided();
    const answer = await startAgain('chat', () => client.command('SET', keyOfStart(), winner));
    expect(answer).toMatchObject({ taken: 'idempotencyKey', by: { taskId: winner } });
  });

  it('is told of the task that has the place where nobody takes the key: what led from there to the task is lost', async () => {
    const running = await undecided('chat');
    expect(await startAgain('chat', () => Promise.resolve())).toMatchObject({
      ...{ taken: 'idempotencyKey', by: { taskId: running } },
    });
  });

  it('waits for the place of the one that is undone where it has another key', async () => {
    const [winner, loser] = [await undecided(), await undecided()];
    const answer = await startAgain(
      undefined,
      async () => {
        await client.command('SET', keyOfStart(), winner);
        await driver.remove(loser);
      },
      'another',
    );
    expect(answer).toMatchObject({ created: { idempotencyKey: 'another' } });
  });

  it('is refused where none of them is undone', async () => {
    await undecided();
    await undecided();
    expect(await startAgain(undefined, () => Promise.resolve(), 'another')).toEqual({ taken: 'quota' });
  });
});
