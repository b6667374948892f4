import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CLIENTS, openClient } from '../support/redis/redis-clients.js';
import { WebInstance } from '../support/redis/redis-instances.js';
import { describeWithRedisServer, RedisServer } from '../support/redis/redis-server.js';
import { range, SteppedJob } from '../support/jobs/stepped-job.js';

const DOCS = readFileSync(join(__dirname, '..', '..', 'docs', 'REDIS.md'), 'utf8');
/** The rules in the order of the text: those of the store, and those of the clients. */
const RULES = DOCS.slice(DOCS.indexOf('- ACL: '))
  .replace(/\n- [^A][^]*/, '')
  .match(/[~&+][\w:*|-]+/g)!;

describeWithRedisServer('a user with no more rights than the documentation asks for', () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await RedisServer.start();
    const admin = await openClient(redis.url);
    await admin.command('ACL', 'SETUSER', 'app', 'on', '>secret', ...RULES);
    admin.close();
  });
  afterAll(() => redis.close());

  it.each(Object.entries(CLIENTS))('runs, follows, resumes, lists, cancels and sweeps: %s', async (name, open) => {
    const stepped = new SteppedJob();
    const url = redis.url.replace('//', '//app:secret@');
    const options = { job: stepped.job, open, prefix: `rsse:${name.replace(' ', '')}:`, maxTasksPerOwner: 5 };
    const [a, b] = [await WebInstance.open(url, options), await WebInstance.open(url, options)];
    const ann = { 'x-user': 'ann', 'x-subscriber': 'tab', 'idempotency-key': 'once' };
    const starter = await a.follow('/job', ann).until(({ frames }) => frames.length > 0);
    await stepped.started();
    const guest = b.follower(starter.resumeKey, { 'x-user': 'ann', 'x-subscriber': 'phone' });
    await stepped.emit(1, 5);
    await guest.untilSeq(5);
    expect((await b.json('/tasks', { headers: ann })).body).toMatchObject({ tasks: [{ task_id: starter.taskId }] });
    expect((await b.json(`/tasks/${starter.taskId}`, { method: 'DELETE', headers: ann })).status).toBe(204);
    await Promise.all([starter.untilEnded(), guest.untilEnded()]);
    expect(guest.seqs).toEqual(range(1, 6));
    for (const instance of [a, b]) await instance.close();
  });

  it('is refused every other command', async () => {
    const client = await openClient(redis.url.replace('//', '//app:secret@'));
    await expect(client.command('SET', 'elsewhere', '1')).rejects.toThrow('NOPERM');
    await expect(client.command('FLUSHALL')).rejects.toThrow('NOPERM');
    client.close();
  });
});
