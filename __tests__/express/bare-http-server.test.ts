import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createTaskManager, sendProblem, type TaskManager } from '../../lib/index.js';
import { controlledJob, type ControlledJob } from '../support/jobs/controlled-job.js';
import { listen, openStream, rawRequest, requestBytes, type Listening } from '../support/http/raw-http.js';

interface BareServer extends Listening {
  readonly tasks: TaskManager;
  readonly job: ControlledJob;
}

const bareServers: BareServer[] = [];
afterEach(async () => {
  for (const server of bareServers.splice(0)) {
    await server.tasks.stop();
    await server.close();
  }
});

/** `executeWithSSE` and `pipe` in a `node:http` server, with nothing of Express. */
async function startBare(): Promise<BareServer> {
  const tasks = createTaskManager({ onTaskError: () => undefined });
  const job = controlledJob();
  const listening = await listen((req, res) => {
    tasks.executeWithSSE(req, undefined, undefined, job.job).then(
      (stream) => stream.pipe(res).catch((error: unknown) => sendProblem(res, error)),
      (error: unknown) => sendProblem(res, error),
    );
  });
  const server = Object.assign(listening, { tasks, job });
  bareServers.push(server);
  return server;
}

const problemCode = (body: string): unknown => (JSON.parse(body) as { code: unknown }).code;

describe('a bare http server', () => {
  it('starts a task, streams it, and resumes it exactly by Last-Event-ID', async () => {
    const server = await startBare();
    const first = await openStream(server.url);
    const { context, finish } = await server.job.run();
    await context.updateProgress({ step: 1 });
    await first.next();
    const id = (await first.next())?.id ?? '';
    first.destroy();
    await context.updateProgress({ step: 2 });
    finish('done');
    const back = await openStream(server.url, { headers: { 'Last-Event-ID': id } });
    expect((await back.rest()).map(({ data, event }) => event ?? data)).toEqual(['task', '{"step":2}', 'complete']);
    expect(server.job.calls).toBe(1);
  });

  it('answers 204 after the end and a problem for a bad key', async () => {
    const server = await startBare();
    const first = await openStream(server.url);
    (await server.job.run()).finish();
    const id = (await first.rest()).at(-1)?.id ?? '';
    expect((await openStream(server.url, { headers: { 'Last-Event-ID': id } })).status).toBe(204);
    const refused = await openStream(`${server.url}/?resume_key=x`);
    expect(refused.status).toBe(400);
    expect(problemCode(await refused.text())).toBe('INVALID_RESUME_KEY');
  });

  it('answers HEAD with 405, and starts nothing', async () => {
    const server = await startBare();
    const [response] = await rawRequest(server.port, requestBytes('HEAD', '/'), ['HEAD']);
    expect(response).toMatchObject({ status: 405, body: '' });
    expect(response?.headers.allow).toBe('GET, POST, OPTIONS');
    expect(server.tasks.getStatistics().started).toBe(0);
  });

  it('refuses a pipelined request before anything starts', async () => {
    const server = await startBare();
    const request = rawRequest(server.port, requestBytes('GET', '/').repeat(20), Array<string>(20).fill('GET'));
    (await server.job.run()).finish('done');
    const responses = await request;
    expect(responses.map(({ status }) => status)).toEqual([200, 409]);
    expect(responses[1]?.headers.connection).toBe('close');
    expect(problemCode(responses[1]?.body ?? '')).toBe('PIPELINING');
    expect(server.tasks.getStatistics().started).toBe(1);
    expect(server.job.calls).toBe(1);
  });
});

describe('a server that refuses bodies where there are none', () => {
  it('answers a HEAD with its status', async () => {
    const tasks = createTaskManager();
    const { taskId } = await tasks.start(() => 'x'.repeat(50_000));
    const router = tasks.router();
    const server = createServer({ rejectNonStandardBodyWrites: true }, (req, res) => {
      router(req, res, () => res.destroy());
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    while ((await tasks.getTaskInfo(taskId)).status === 'running') await new Promise(setImmediate);
    const statusOf = async (path: string): Promise<number> => (await fetch(url + path, { method: 'HEAD' })).status;
    const paths = [`/${taskId}`, `/${taskId}/result`, `/${taskId}/events`, '/no'];
    expect(await Promise.all(paths.map(statusOf))).toEqual([200, 200, 405, 404]);
    server.close();
    server.closeAllConnections();
    await tasks.stop();
  });
});
