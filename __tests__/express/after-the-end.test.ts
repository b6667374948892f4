import { eventsource } from '../support/clients/eventsource.js';
import { rawRequest } from '../support/http/raw-http.js';
import { get, streamRoutes } from '../support/http/refusal.js';
import { useTaskServers } from '../support/servers/task-server.js';

const start = useTaskServers();

describe('after the end of a task', () => {
  it.each([
    ['at the terminal event, by header', '', 'KEY.3'],
    ['at the terminal event, by query', '?last_event_id=KEY.3', undefined],
    ['at the terminal event, by key and bare seq', '?resume_key=KEY&last_event_id=3', undefined],
  ])('a client gets 204: %s', async (_what, query, id) => {
    const server = await start();
    const { context, finish } = await server.begin();
    for (let step = 1; step <= 2; step++) await context.updateProgress({ step });
    finish();
    await (await server.open(`/report?resume_key=${context.resumeKey}`)).rest();
    const filled = (text: string): string => text.replace('KEY', context.resumeKey);
    const headers = id === undefined ? {} : { 'Last-Event-ID': filled(id) };
    for (const [, path] of streamRoutes(context.taskId)) {
      const [response] = await rawRequest(server.port, get(`${path}${filled(query)}`, headers));
      expect(response).toMatchObject({ status: 204, body: '' });
      expect(response?.headers).not.toHaveProperty('content-type');
    }
    expect(server.job.calls).toBe(1);
    expect(server.tasks.getStatistics().connections).toBe(0);
  });

  it.each([4, 9_007_199_254_740_991])(
    'a client with the position %d, beyond the end, gets a gap and the end again',
    async (seq) => {
      const server = await start();
      const { context, finish } = await server.begin();
      for (let step = 1; step <= 2; step++) await context.updateProgress({ step });
      finish();
      const key = context.resumeKey;
      await (await server.open(`/report?resume_key=${key}`)).rest();
      const [task, gap, end, ...more] = await (
        await server.open('/report', { headers: { 'Last-Event-ID': `${key}.${seq}` } })
      ).rest();
      expect(task).toMatchObject({ event: 'task', id: `${key}.${seq}` });
      expect(gap).toMatchObject({
        event: 'gap',
        id: `${key}.2`,
        data: JSON.stringify({ from: 3, to: seq, reason: 'ahead' }),
      });
      expect(end).toMatchObject({ event: 'complete', id: `${key}.3` });
      expect(more).toEqual([]);
    },
  );

  it('a plain EventSource comes back once by itself, with nothing but its last id, and stops for good', async () => {
    const server = await start({ retryMs: 0 });
    const client = eventsource.open(`${server.url}/report`);
    const { context, finish } = await server.job.run();
    await context.updateProgress({ step: 1 });
    finish('done');
    expect(await client.ended).toBe('no-content');
    expect(client.events.map(({ event }) => event)).toEqual(['task', 'message', 'complete']);
    expect(client.connections).toBe(2);
    expect(server.job.calls).toBe(1);
  });
});
