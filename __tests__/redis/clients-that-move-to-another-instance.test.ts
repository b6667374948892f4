import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { streamTask } from '../../lib/client/index.js';
import { startCutProxy, type CutProxy } from '../support/http/cut-proxy.js';
import { describeWithRedisServer } from '../support/redis/redis-server.js';
import { useSharedRedis } from '../support/redis/shared-redis.js';
import { range } from '../support/jobs/stepped-job.js';

const LEASE_MS = 1_000;
const ROOT = join(__dirname, '..', '..');

jest.setTimeout(120_000);

describeWithRedisServer('after the instance of a task is gone', () => {
  const { child, open, prefix, url } = useSharedRedis('redis-back', { leaseMs: LEASE_MS, onLost: 'restart' });

  it.each(['SIGKILL', 'stop'])('the client goes on with another instance: %s', async (how) => {
    const [a, b] = [await child(), await child()];
    const proxies: CutProxy[] = [];
    for (const { port } of [a, b]) proxies.push(await startCutProxy({ upstreamPort: port }));
    open.push(...proxies);
    let current = proxies[0]!;
    const numbers: number[] = [];
    const connection = streamTask<{ n: number; attempt: number }, string>(() => `${current.url}/job?to=150`, {
      onProgress: ({ n }) => {
        numbers.push(n);
        if (n !== 20) return;
        current = proxies[1]!;
        if (how === 'stop') a.send({ kind: 'stop', ms: 0 });
        else a.signal('SIGKILL');
      },
    });
    await expect(connection.result).resolves.toBe('done');
    expect(numbers).toEqual(range(1, 150));
    expect(await b.heard('started')).toMatchObject({ attempt: 2 });
    connection.close();
  });

  it('the folded state goes on from the stored one, and covers both runs', async () => {
    const [a, b] = [await child(), await child()];
    const starter = await a.follow('/sum?to=400').untilSeq(300); // more than a second: the state was stored on the way
    a.signal('SIGKILL');
    await b.follow('/sum?to=400', { 'last-event-id': `${starter.resumeKey}.${starter.last!.seq}` }).untilEnded();
    const again = await b.resume(starter.resumeKey, starter.last!.seq, '/sum?to=400').untilEnded();
    expect(again.last).toMatchObject({ event: 'complete' });
    const late = await b.follow(`/sum?resume_key=${starter.resumeKey}&replay=snapshot`).untilEnded();
    const [snapshot, ...rest] = late.events;
    expect(snapshot).toMatchObject({ event: 'snapshot' });
    expect(JSON.parse(snapshot!.data)).toEqual({ sum: (400 * 401) / 2 });
    expect(rest).toEqual([again.last]);
  });

  it('`npm run redis:keys` shows what its task occupies, and that all of it expires', async () => {
    const a = await child();
    const starter = await a.follow('/job?to=30').untilEnded();
    const script = join(ROOT, 'scripts', 'redis-keys.js');
    const run = async (...args: string[]): Promise<string[]> => {
      const words = [script, ...args, '--prefix', prefix(), '--url', url()];
      return (await promisify(execFile)(process.execPath, words)).stdout.trim().split('\n');
    };
    const [, ...lines] = await run(starter.taskId);
    const total = lines.pop()!;
    const rows = lines.map((line) => /^ *(\d+) +(\d+) s +(hash|stream) +(\S+)$/.exec(line)!.slice(1));
    expect(rows.map(([, , , key]) => key)).toEqual(
      expect.arrayContaining([`${prefix()}{${starter.taskId}}:events`, `${prefix()}{${starter.taskId}}:task`]),
    );
    expect(total.trim()).toBe(`${rows.reduce((sum, [bytes]) => sum + Number(bytes), 0)}  in ${rows.length} keys`);
    const all = await run();
    expect(all.length - 2).toBeGreaterThan(rows.length);
    expect(all.join('\n')).not.toContain('never');
  });
});
