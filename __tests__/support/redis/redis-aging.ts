import { systemClock } from '../../../lib/core/clock.js';
import type { TestClient } from './redis-clients.js';

/** ARGV prefix, ms. Brings every deadline under the prefix closer, as if so much time had passed. */
const AGE = `
for _, key in ipairs(redis.call('KEYS', ARGV[1] .. '*')) do
  local left = redis.call('PTTL', key)
  if left >= 0 then redis.call('PEXPIRE', key, left - ARGV[2]) end
  local kind = redis.call('TYPE', key)['ok']
  if kind == 'hash' and redis.call('HEXISTS', key, 'expires') == 1 then
    redis.call('HINCRBY', key, 'expires', -ARGV[2])
  elseif kind == 'zset' and (string.sub(key, -6) == ':ended' or string.find(key, ':orphans')) then
    for _, member in ipairs(redis.call('ZRANGE', key, 0, -1)) do redis.call('ZINCRBY', key, -ARGV[2], member) end
  end
end`;

/** A timer may fire a part of a millisecond before the wall clock, which counts whole ones, has moved on by as many. */
const ROUNDING_MS = 3;

/** Lets `ms` pass for Redis: a short time by waiting, a long one by moving the deadlines. */
export async function age(client: TestClient, prefix: string, ms: number): Promise<void> {
  if (ms > 100) await client.command('EVAL', AGE, '0', prefix, String(ms));
  else await new Promise<void>((resolve) => void systemClock.after(ms + ROUNDING_MS, resolve));
}
