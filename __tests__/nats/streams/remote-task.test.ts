import { createTaskManager, type TaskManager, type TaskManagerOptions } from '../../../lib/index.js';
import { remoteTask } from '../../../lib/nats/index.js';
import { ManualClock } from '../../support/clock/manual-clock.js';
import { describeWithNats } from '../../support/nats/nats-server.js';
import { Running } from '../../support/repository/samples.js';
import { aborted, Calls, useParties } from '../../support/nats/stream-parties.js';
import { ProcessGuard } from '../../support/processes/process-guard.js';
import { until } from '../../support/clock/until.js';
import express from 'express';

describeWithNats('remoteTask', () => {
  const here = useParties('tasks');
  let calls: Calls;
  let clock: ManualClock;
  const stops: (() => Promise<void>)[] = [];

  beforeEach(async () => {
    calls = new Calls();
    clock = new ManualClock();
    here.worker.responder.subscribe(here.subject, calls.handler, { queue: 'workers' });
    await here.worker.connection.flush();
  });
  afterEach(async () => {
    await Promise.all(stops.splice(0).map((stop) => stop()));
  });

  const serve = async (
    options: TaskManagerOptions = {},
    to = here.subject,
  ): Promise<{ tasks: TaskManager; url: string }> => {
    const tasks = createTaskManager({ clock, onTaskError: () => undefined, ...options });
    const app = express();
    const job = remoteTask(here.gateway.requester, to, (input) => JSON.stringify((input as { query: object }).query));
    app.get('/job', tasks.handler(job));
    const running = await Running.start(app);
    stops.push(async () => {
      await tasks.stop();
      await running.stop();
    });
    return { tasks, url: `${running.url}/job` };
  };
  /** Attaches, and reads until the text holds `until`; then leaves, unless it is the end. */
  const read = async (url: string, seek: RegExp): Promise<{ text: string; taskId: string; key: string }> => {
    const response = await fetch(url);
    const [taskId, key] = [response.headers.get('x-task-id')!, response.headers.get('x-resume-key')!];
    let text = '';
    for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      if (seek.test(text)) break;
    }
    return { text, taskId, key };
  };

  it('makes progress of messages, and a result of what the worker ends with', async () => {
    const { url, tasks } = await serve();
    const reading = read(`${url}?part=7`, /event: complete/);
    const { request, sender } = await calls.call();
    expect(JSON.parse(Buffer.from(request.data).toString())).toEqual({ part: '7' });
    await sender.send('{"step":1}');
    await sender.send('"two"');
    await sender.end('{"rows":2}');
    const { text, taskId } = await reading;
    expect([...text.matchAll(/^data: (.*)$/gm)].slice(1, 3).map(([, data]) => data)).toEqual(['{"step":1}', '"two"']);
    expect(await tasks.getTaskInfo(taskId)).toMatchObject({ status: 'completed', result: { rows: 2 } });
    expect(request.clientId).toBe(taskId);
    expect(here.gateway.presence.isClientOnline(taskId)).toBe(false);
  });

  it('goes on while browsers leave and come back, and tells the worker how many watch', async () => {
    const { url, tasks } = await serve();
    const first = read(url, /"step":1/);
    const { request, sender, done } = await calls.call();
    await sender.send('{"step":1}');
    const { key, taskId } = await first;
    await until(async () => (await tasks.getTaskInfo(taskId)).subscribers === 0);
    expect(await request.watchers()).toBe(0);
    await sender.send('{"step":2}');
    const second = read(`${url}?resume_key=${key}`, /event: complete/);
    await until(async () => (await request.watchers()) === 1);
    expect(request.signal.aborted).toBe(false);
    done();
    const { text } = await second;
    expect([...text.matchAll(/"step":\d/g)].map(String)).toEqual(['"step":1', '"step":2']);
    expect(calls.count).toBe(1);
  });

  it.each<[string, (tasks: TaskManager, taskId: string) => unknown, string]>([
    ['is cancelled', (tasks, taskId) => tasks.cancelTask(taskId), 'cancelled'],
    ['takes too long', () => clock.advance(600_000), 'failed'],
    ['is abandoned', () => clock.advance(3_630_000), 'cancelled'],
    ['has its server stopped', (tasks) => tasks.stop(), 'cancelled'],
  ])('stops the worker when the task %s, and not before', async (_how, end, status) => {
    const { url, tasks } = await serve(_how === 'is abandoned' ? { timeoutMs: Infinity } : {});
    const attached = read(url, /"step":1/);
    const { request, sender } = await calls.call();
    await sender.send('{"step":1}');
    const { taskId } = await attached; // and has left
    await until(async () => (await tasks.getTaskInfo(taskId)).subscribers === 0);
    clock.advance(1_000);
    await request.watchers(); // whatever was told has arrived
    expect(request.signal.aborted).toBe(false);
    const stopped = aborted(request.signal);
    void end(tasks, taskId);
    expect(await stopped).toMatchObject({ code: 'CLIENT_OFFLINE' });
    expect((await tasks.getTaskInfo(taskId)).status).toBe(status);
  });

  it('fails with the code of the error', async () => {
    const { url } = await serve();
    const broken = read(url, /event: failed/);
    const { sender } = await calls.call();
    await sender.send('not JSON');
    expect((await broken).text).toContain('"code":"WORKER_PROTOCOL_ERROR"');
    const { responder } = here.worker;
    const failing = read(url, /event: failed/);
    (await calls.call(2)).fail(new Error('secret'));
    expect((await failing).text).toContain('{"code":"TASK_FAILED","message":"The task failed"}');
    expect(responder.getStatistics().dropped).toBe(0);
    const { url: lonely } = await serve({}, 'nobody.there');
    expect((await read(lonely, /event: failed/)).text).toContain('"code":"NO_WORKER"');
  });

  it('fails where its data is a promise, whose rejection ends no process', async () => {
    const guard = new ProcessGuard();
    const onTaskError = jest.fn();
    const tasks = createTaskManager({ clock, onTaskError });
    stops.push(() => tasks.stop());
    const data = (): string => Promise.reject(new Error('mine')) as never;
    await tasks.start(remoteTask(here.gateway.requester, here.subject, data));
    await until(() => onTaskError.mock.calls.length > 0);
    await new Promise(setImmediate);
    guard.close();
    expect(onTaskError.mock.calls[0]).toContainEqual(expect.objectContaining({ code: 'CALLBACK_FAILED' }));
    expect(guard.take()).toEqual([]);
  });

  it('fails where its input cannot be serialised, and leaves nobody online', async () => {
    const tasks = createTaskManager({ clock, onTaskError: () => undefined });
    stops.push(() => tasks.stop());
    const app = express();
    const job = remoteTask(here.gateway.requester, here.subject, () =>
      'x'.repeat(here.gateway.connection.info!.max_payload),
    );
    app.get('/job', tasks.handler(job));
    const running = await Running.start(app);
    stops.push(() => running.stop());
    const { text, taskId } = await read(`${running.url}/job`, /event: failed/);
    expect(text).toContain('"code":"EVENT_TOO_LARGE"');
    expect(here.gateway.presence.isClientOnline(taskId)).toBe(false);
  });
});
