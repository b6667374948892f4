import type { ControlledRun } from '../support/jobs/controlled-job.js';
import { fakeRequest } from '../support/sse/fake-request.js';
import { useTaskServers, type TaskServer, type TaskServerOptions } from '../support/servers/task-server.js';
import type { SnapshotOptions } from '../../lib/index.js';

const start = useTaskServers();

const text: SnapshotOptions<unknown, string> = { initial: () => '', reduce: (state, token) => state + String(token) };

interface Running extends TaskServer {
  readonly run: ControlledRun;
  readonly key: string;
}

/** A token stream of `tokens` letters a, b, c, … that goes on. */
async function startWith(tokens: number, options: TaskServerOptions = {}): Promise<Running> {
  const server = await start({ handler: { snapshot: text as SnapshotOptions }, ...options });
  const run = await server.begin();
  for (let index = 0; index < tokens; index++) await run.context.updateProgress(letter(index));
  return { ...server, run, key: run.context.resumeKey };
}

const letter = (index: number): string => String.fromCharCode(97 + (index % 26));
const letters = (count: number): string => Array.from({ length: count }, (_, index) => letter(index)).join('');

describe('a snapshot', () => {
  it('comes in the place of a gap, with the id of the last event that it includes', async () => {
    const { run, key, open } = await startWith(50, { maxEventsPerTask: 8 });
    const stream = await open(`/report?resume_key=${key}`);
    await stream.next();
    expect(await stream.next()).toEqual({
      event: 'snapshot',
      data: `"${letters(50)}"`,
      id: `${key}.50`,
      ...{ retry: undefined, comment: undefined },
    });
    await run.context.updateProgress('!');
    expect(await stream.next()).toMatchObject({ event: undefined, data: '"!"', id: `${key}.51` });
  });

  it('does not come where nothing is missing', async () => {
    const { run, key, open } = await startWith(3);
    const stream = await open(`/report?resume_key=${key}`);
    run.finish();
    expect((await stream.rest()).map(({ event }) => event)).toEqual([
      'task',
      undefined,
      undefined,
      undefined,
      'complete',
    ]);
  });

  it.each(['/report?', '/execute?', '/tasks/$TASK/events?'])(
    'comes at once with ?replay=snapshot, on %s',
    async (path) => {
      const { run, key, open } = await startWith(5);
      const url = path.replace('$TASK', run.context.taskId);
      const stream = await open(`${url}resume_key=${key}&replay=snapshot`);
      await run.context.updateProgress('!');
      run.finish();
      expect((await stream.rest()).map(({ event, data, id }) => [event, event === 'task' ? '' : data, id])).toEqual([
        ['task', '', `${key}.0`],
        ['snapshot', '"abcde"', `${key}.5`],
        [undefined, '"!"', `${key}.6`],
        ['complete', expect.any(String), `${key}.7`],
      ]);
    },
  );

  it('of a task that has ended is followed by its terminal event', async () => {
    const { run, key, open } = await startWith(3);
    const watching = await open(`/report?resume_key=${key}`);
    run.finish();
    await watching.rest();
    const stream = await open(`/report?resume_key=${key}&replay=snapshot`);
    expect((await stream.rest()).map(({ event, id }) => [event, id])).toEqual([
      ['task', `${key}.0`],
      ['snapshot', `${key}.3`],
      ['complete', `${key}.4`],
    ]);
  });

  it('of a task without events is its initial state', async () => {
    const { run, key, open } = await startWith(0);
    const stream = await open(`/report?resume_key=${key}&replay=snapshot`);
    run.finish();
    expect((await stream.rest()).map(({ event, id }) => [event, id])).toEqual([
      ['task', `${key}.0`],
      ['snapshot', `${key}.0`],
      ['complete', `${key}.1`],
    ]);
  });

  it('includes named events in its position, although only progress is folded', async () => {
    const { run, key, open } = await startWith(2);
    await run.context.emit('note', 'x');
    const stream = await open(`/report?resume_key=${key}&replay=snapshot`);
    await stream.next();
    expect(await stream.next()).toMatchObject({ event: 'snapshot', data: '"ab"', id: `${key}.3` });
  });

  it('is an event of an iterated stream, too', async () => {
    const { run, key, tasks, job } = await startWith(4);
    const request = fakeRequest(`/report?resume_key=${key}&replay=snapshot`);
    const stream = await tasks.executeWithSSE(request, undefined, undefined, job.job);
    const events = stream[Symbol.asyncIterator]();
    expect(await events.next()).toEqual({ done: false, value: { kind: 'snapshot', seq: 4, data: 'abcd' } });
    run.finish();
    expect(await events.next()).toMatchObject({ value: { kind: 'complete', seq: 5 } });
  });

  it('is ignored where the handler has none', async () => {
    const { run, key, open } = await startWith(2, { handler: {} });
    const stream = await open(`/report?resume_key=${key}&replay=snapshot`);
    run.finish();
    expect((await stream.rest()).map(({ event }) => event)).toEqual(['task', undefined, undefined, 'complete']);
  });

  it('gives way to a gap when its reducer throws, and the job does not notice', async () => {
    const broken: SnapshotOptions = {
      initial: () => 0,
      reduce: (state, token) => {
        if (token === 'c') throw new Error('broken');
        return state;
      },
    };
    const { run, key, open, errors } = await startWith(50, { maxEventsPerTask: 8, handler: { snapshot: broken } });
    const stream = await open(`/report?resume_key=${key}`);
    await stream.next();
    expect(await stream.next()).toMatchObject({ event: 'gap', id: `${key}.42` });
    expect(await stream.next()).toMatchObject({ event: undefined, id: `${key}.43` });
    expect(run.context.signal.aborted).toBe(false);
    expect(errors).toEqual([expect.objectContaining({ cause: expect.objectContaining({ message: 'broken' }) })]);
  });

  it('gives way to a gap when its state cannot be written as JSON', async () => {
    const unserializable: SnapshotOptions = { initial: () => 0n, reduce: (state) => state };
    const { key, open } = await startWith(50, { maxEventsPerTask: 8, handler: { snapshot: unserializable } });
    const stream = await open(`/report?resume_key=${key}`);
    await stream.next();
    expect(await stream.next()).toMatchObject({ event: 'gap', id: `${key}.42` });
  });

  it('whose initial state throws refuses the start, and leaves nothing behind', async () => {
    const snapshot: SnapshotOptions = {
      initial: () => {
        throw new Error('cannot begin');
      },
      reduce: (state) => state,
    };
    const server = await start({ handler: { snapshot } });
    const before = await server.state();
    expect((await server.open('/report')).status).toBe(500);
    expect(await server.state()).toEqual(before);
  });

  it('is given only for ?replay=snapshot', async () => {
    const server = await start();
    const before = await server.state();
    for (const query of ['replay=all', 'replay=snapshot&replay=snapshot', 'replay[]=snapshot']) {
      const stream = await server.open(`/report?${query}`);
      expect(stream.status).toBe(400);
      expect(JSON.parse(await stream.text())).toMatchObject({ code: 'INVALID_INPUT' });
    }
    expect(await server.state()).toEqual(before);
  });
});
