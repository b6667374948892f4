import { randomUUID } from 'node:crypto';
import { WebInstance, type InstanceOptions } from './redis-instances.js';
import { RedisServer } from './redis-server.js';
import type { SseFollower } from '../sse/sse-follower.js';
import { SteppedJob } from '../jobs/stepped-job.js';
import { until } from '../clock/until.js';

export const TIMEOUT_MS = 500;
/** For a server that answers, which is waited for: so what it refuses is certainly not in the log. */
export const ANSWERED: InstanceOptions = { storeTimeoutMs: 20_000 };

/** A Redis of one test's own, to be broken by it, and instances that wait half a second for its answers. */
export class FailingRedis {
  redis!: RedisServer;
  stepped = new SteppedJob();
  prefix = '';
  readonly #open: { close(): Promise<void> }[] = [];

  begin(): void {
    this.stepped = new SteppedJob();
    this.prefix = `${randomUUID()}:`;
  }

  async close(): Promise<void> {
    this.redis.resume();
    await Promise.all(this.#open.splice(0).map((each) => each.close()));
    await this.redis.close();
  }

  readonly server = async (...options: string[]): Promise<void> => {
    this.redis = await RedisServer.start(...options);
  };

  readonly web = async (options: InstanceOptions = {}): Promise<WebInstance> => {
    const instance = await WebInstance.open(this.redis.url, {
      ...{ prefix: this.prefix, job: this.stepped.job, storeTimeoutMs: TIMEOUT_MS, appendPatienceMs: TIMEOUT_MS },
      ...options,
    });
    this.#open.push(instance);
    return instance;
  };

  /** Starts a task on one instance, which a client follows on another. */
  readonly running = async (
    options: InstanceOptions = {},
  ): Promise<{
    a: WebInstance;
    b: WebInstance;
    starter: SseFollower;
    guest: SseFollower;
  }> => {
    const [a, b] = [await this.web(options), await this.web(options)];
    const starter = await a.follow().until(({ frames }) => frames.length > 0);
    await this.stepped.started();
    await this.stepped.emit(1, 5);
    const guest = await b.resume(starter.resumeKey).untilSeq(5);
    return { a, b, starter, guest };
  };
}

/** A Redis that each test starts by `server()`; it is closed after the test, with the instances on it. */
export function useFailingRedis(): FailingRedis {
  const fixture = new FailingRedis();
  beforeEach(() => fixture.begin());
  afterEach(() => fixture.close());
  return fixture;
}

/** Expects that a start is refused, and in time. */
export async function expectRefused(instance: WebInstance): Promise<void> {
  const since = performance.now();
  const { status, body } = await instance.json('/job');
  expect({ status, code: body['code'] }).toEqual({ status: 503, code: 'STORE_UNAVAILABLE' });
  expect(performance.now() - since).toBeLessThan(TIMEOUT_MS + 1_000);
}

/** Resolves once a start is answered with a stream. */
export const untilServed = (instance: WebInstance): Promise<void> =>
  until(async () => {
    const probe = instance.follow();
    const ok = await probe.until(({ status }) => status !== 0).then(() => probe.status === 200);
    probe.close();
    return ok;
  });
