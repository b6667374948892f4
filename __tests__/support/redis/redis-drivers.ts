import { systemClock } from '../../../lib/core/clock.js';
import type { DriverSettings } from '../../../lib/distributed/port/driver.js';
import { openPort } from '../../../lib/redis/clients/open-port.js';
import { RedisDriver } from '../../../lib/redis/redis-driver.js';
import { TTL_MS } from '../../contracts/driver-steps.js';
import type { TestClient } from './redis-clients.js';
import { until } from '../clock/until.js';

/** A driver that is open, on settings which do not matter unless `changed` says otherwise. */
export function driverOn(
  { client }: Pick<TestClient, 'client'>,
  prefix: string,
  changed: Partial<DriverSettings> = {},
): RedisDriver {
  const driver = new RedisDriver(openPort(client), prefix);
  driver.open({
    ...{ instance: 'one', clock: systemClock, ttlMs: TTL_MS, runningTtlMs: 4 * TTL_MS, timeoutMs: 500 },
    ...{ limits: { maxEvents: 10_000, maxBytes: 2 ** 20 }, maxTasksPerOwner: Infinity },
    ...changed,
  });
  return driver;
}

/** Tries until it is accepted, as the rules do. */
export async function persist<T>(call: () => Promise<T>, isDone: (answer: T) => boolean = () => true): Promise<T> {
  let answer: T | undefined;
  await until(async () => {
    try {
      answer = await call();
      return isDone(answer);
    } catch {
      return false;
    }
  });
  return answer as T;
}
