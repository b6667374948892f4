import express from 'express';
import { openStream } from '../support/http/raw-http.js';
import { useTaskServers } from '../support/servers/task-server.js';

const start = useTaskServers();
const KEY = { 'Idempotency-Key': 'order-7' };

describe('Prefer: respond-async', () => {
  const PREFER = { Prefer: 'respond-async' };

  it('answers 202 with a Location that streams the task from its start', async () => {
    const server = await start();
    const accepted = await server.open('/report?a=1&idempotency_key=order-7', { headers: PREFER });
    const { context, finish } = await server.job.run();
    const { taskId, resumeKey } = context;
    expect(accepted.status).toBe(202);
    expect(accepted.headers).toMatchObject({
      location: `/report?a=1&resume_key=${resumeKey}`,
      'preference-applied': 'respond-async',
      'cache-control': 'no-store',
      'x-task-id': taskId,
      'x-resume-key': resumeKey,
    });
    expect(JSON.parse(await accepted.text())).toEqual({ task_id: taskId, resume_key: resumeKey });
    expect(server.tasks.getStatistics()).toMatchObject({ running: 1, connections: 0 });

    await context.updateProgress({ step: 1 });
    const stream = await server.open(accepted.headers.location ?? '');
    finish('done');
    expect((await stream.rest()).map(({ event }) => event)).toEqual(['task', undefined, 'complete']);
    expect(server.job.calls).toBe(1);
  });

  it('names the URL that the client sees, not the one behind a mount path', async () => {
    const inner = express();
    const server = await start({
      use: (app) => {
        app.use('/v1', (req, res, next) => {
          inner(req, res, next);
        });
      },
    });
    inner.all('/report', server.tasks.handler(server.job.job));
    const { headers } = await openStream(`${server.url}/v1/report`, { headers: PREFER });
    const stream = await server.open(headers.location ?? '');
    expect(headers.location).toMatch(/^\/v1\/report\?resume_key=/);
    expect((await stream.next())?.event).toBe('task');
  });

  it('needs no Accept header, and is recognised among other preferences as a whole word only', async () => {
    const server = await start();
    const accepted = async (Prefer: string): Promise<number> =>
      (await server.open('/report', { headers: { Prefer, Accept: 'application/json' } })).status;
    expect(await accepted('respond-async')).toBe(202);
    expect(await accepted('handling=lenient, Respond-Async; wait=10')).toBe(202);
    expect(await accepted('respond-asynchronously')).toBe(406);
  });

  it('is ignored for a request that returns to a task', async () => {
    const server = await start();
    const { context } = await server.begin();
    const stream = await server.open(`/report?resume_key=${context.resumeKey}`, { headers: PREFER });
    expect(stream.status).toBe(200);
    expect(stream.headers).not.toHaveProperty('preference-applied');
  });

  it('gives a repeated start the Location of the first one', async () => {
    const server = await start();
    const first = await server.open('/report', { headers: { ...PREFER, ...KEY } });
    const second = await server.open('/report', { headers: { ...PREFER, ...KEY } });
    expect(second.headers.location).toBe(first.headers.location);
    expect(server.tasks.getStatistics().started).toBe(1);
  });
});
