import { ManualClock } from '../support/clock/manual-clock.js';
import { requestBytes } from '../support/http/raw-http.js';
import { expectRefused, get } from '../support/http/refusal.js';
import { getJson, useTaskServers } from '../support/servers/task-server.js';

const start = useTaskServers();

describe('GET /:taskId', () => {
  it('gives the status in snake_case, while the task runs and after', async () => {
    const clock = new ManualClock();
    const server = await start({ clock, ttlMs: 60_000 });
    const { context } = await server.begin();
    clock.advance(1_000);
    await context.updateProgress({ step: 1 });
    const createdAt = new Date(clock.startedAtMs).toISOString();
    const updatedAt = new Date(clock.startedAtMs + 1_000).toISOString();
    const running = {
      ...{ task_id: context.taskId, status: 'running', created_at: createdAt, updated_at: updatedAt, attempt: 1 },
      ...{ last_seq: 1, first_kept_seq: 1, buffered_events: 1, buffered_bytes: expect.any(Number), subscribers: 0 },
      progress: { step: 1 },
    };
    expect(await getJson(server, `/tasks/${context.taskId}`)).toEqual(running);
    clock.advance(1_000);
    await server.tasks.completeTask(context.taskId, 'completed', { rows: 3 });
    const endedAt = new Date(clock.startedAtMs + 2_000).toISOString();
    expect(await getJson(server, `/tasks/${context.taskId}`)).toEqual({
      ...running,
      ...{ status: 'completed', updated_at: endedAt, ended_at: endedAt, last_seq: 2, buffered_events: 2 },
      expires_at: new Date(clock.startedAtMs + 62_000).toISOString(),
      result: { rows: 3 },
    });
  });

  it('gives the error of a failed task, and the reason of a cancelled one', async () => {
    const server = await start();
    const failed = (await server.begin()).context.taskId;
    await server.tasks.completeTask(failed, 'failed', new Error('secret'));
    expect(await getJson(server, `/tasks/${failed}`)).toMatchObject({
      status: 'failed',
      error: { code: 'TASK_FAILED', message: 'The task failed' },
    });
    const cancelled = (await server.begin()).context.taskId;
    await server.tasks.cancelTask(cancelled, 'Enough');
    expect(await getJson(server, `/tasks/${cancelled}`)).toMatchObject({
      status: 'cancelled',
      error: { code: 'TASK_CANCELLED', message: 'Enough' },
    });
  });

  it('answers HEAD without a body', async () => {
    const server = await start();
    const { context } = await server.begin();
    const stream = await server.open(`/tasks/${context.taskId}`, { method: 'HEAD' });
    expect(stream.status).toBe(200);
    expect(await stream.text()).toBe('');
  });
});

describe('GET /:taskId/result', () => {
  it('answers 409 while the task runs', async () => {
    const server = await start({ clock: new ManualClock() });
    const { context } = await server.begin();
    const bytes = get(`/tasks/${context.taskId}/result`);
    await expectRefused(server, { bytes, status: 409, code: 'TASK_RUNNING', secrets: [context.resumeKey] });
  });

  it('gives the data of the terminal event', async () => {
    const server = await start();
    const { context } = await server.begin();
    await server.tasks.completeTask(context.taskId, 'completed', { rows: 3 });
    const expected = { task_id: context.taskId, status: 'completed', result: { rows: 3 } };
    expect(await getJson(server, `/tasks/${context.taskId}/result`)).toEqual(expected);
  });
});

describe('DELETE /:taskId', () => {
  it('answers 204, aborts the signal of the task, and gives its clients the terminal event', async () => {
    const server = await start();
    const stream = await server.open('/report');
    const { context } = await server.job.run();
    expect((await server.open(`/tasks/${context.taskId}`, { method: 'DELETE' })).status).toBe(204);
    expect(context.signal.reason).toMatchObject({ code: 'TASK_CANCELLED' });
    expect(JSON.parse((await stream.rest()).at(-1)?.data ?? '')).toMatchObject({
      status: 'cancelled',
      code: 'TASK_CANCELLED',
    });
  });

  it('answers 409 for a task that has ended', async () => {
    const server = await start({ clock: new ManualClock() });
    const { context } = await server.begin();
    await server.tasks.completeTask(context.taskId, 'completed');
    const bytes = requestBytes('DELETE', `/tasks/${context.taskId}`);
    await expectRefused(server, { bytes, method: 'DELETE', status: 409, code: 'TASK_NOT_RUNNING' });
  });
});

describe('GET /:taskId/events', () => {
  it.each([
    ['no key', ''],
    ['another key', '?resume_key=AAAAAAAAAAAAAAAAAAAAAA'],
    ['another cursor', '?last_event_id=AAAAAAAAAAAAAAAAAAAAAA.1'],
    ['the task id as a key', '?resume_key=$ID'],
  ])('without owners is refused with %s: the id alone does not show events', async (_what, query) => {
    const server = await start({ clock: new ManualClock() });
    const { context } = await server.begin();
    const bytes = get(`/tasks/${context.taskId}/events${query.replace('$ID', context.taskId)}`);
    const answer = query.includes('$ID')
      ? { status: 400, code: 'INVALID_RESUME_KEY' }
      : { status: 404, code: 'TASK_NOT_FOUND' };
    await expectRefused(server, { bytes, ...answer, secrets: [context.resumeKey] });
  });

  it('with owners takes the id alone, and a cursor', async () => {
    const server = await start({ owner: () => 'ann' });
    const { context, finish } = await server.begin();
    for (let step = 1; step <= 3; step++) await context.updateProgress({ step });
    const all = await server.open(`/tasks/${context.taskId}/events`);
    const rest = await server.open(`/tasks/${context.taskId}/events?last_event_id=2`);
    finish();
    expect((await all.rest()).map(({ id }) => id?.split('.')[1])).toEqual(['0', '1', '2', '3', '4']);
    expect((await rest.rest()).map(({ id }) => id?.split('.')[1])).toEqual(['2', '3', '4']);
  });
});
