import { exactClients } from '../support/clients/index.js';
import type { ControlledRun } from '../support/jobs/controlled-job.js';
import { startCutProxy } from '../support/http/cut-proxy.js';
import { expectExact } from '../support/sse/received-events.js';
import type { OpenStream } from '../support/http/raw-http.js';
import { streamRoutes } from '../support/http/refusal.js';
import { useTaskServers, type TaskServer, type TaskServerOptions } from '../support/servers/task-server.js';

const start = useTaskServers();

interface Running extends TaskServer {
  readonly run: ControlledRun;
  readonly key: string;
}

/** A server with a task that has emitted `events` events and goes on. */
async function startWith(events: number, options: TaskServerOptions = {}): Promise<Running> {
  const server = await start(options);
  const run = await server.begin();
  for (let step = 1; step <= events; step++) await run.context.updateProgress({ step });
  return { ...server, run, key: run.context.resumeKey };
}

const seqOf = (id: string | undefined): number => Number(id?.split('.')[1]);

/** Event name (or `progress`) and seq of each frame after the `task` frame. */
async function restOf(stream: OpenStream): Promise<string[]> {
  const [, ...frames] = await stream.rest();
  return frames.map(({ event, id }) => `${event ?? 'progress'} ${seqOf(id)}`);
}

async function positionOf(stream: OpenStream): Promise<number> {
  return (JSON.parse((await stream.next())?.data ?? '') as { position: number }).position;
}

describe('the position from a Last-Event-ID header', () => {
  it.each([0, 1, 3, 5])('of event %i gives exactly the events after it, on every route', async (seq) => {
    const { run, key, open } = await startWith(5);
    const streams: OpenStream[] = [];
    for (const [, path] of streamRoutes(run.context.taskId)) {
      streams.push(await open(path, { headers: { 'Last-Event-ID': `${key}.${seq}` } }));
    }
    run.finish();
    const expected = [1, 2, 3, 4, 5].filter((each) => each > seq).map((each) => `progress ${each}`);
    for (const stream of streams) expect(await restOf(stream)).toEqual([...expected, 'complete 6']);
  });

  it('wins over the query', async () => {
    const { run, key, open } = await startWith(9);
    const headers = { 'Last-Event-ID': `${key}.7` };
    const stream = await open(`/report?resume_key=${key}&last_event_id=3`, { headers });
    run.finish();
    expect(await restOf(stream)).toEqual(['progress 8', 'progress 9', 'complete 10']);
  });

  it('wins over the position at which the subscriber left', async () => {
    const { run, key, open, closed } = await startWith(5, { subscriberId: 'tab' });
    await leaveAfter(5, await open(`/execute?resume_key=${key}`));
    await closed(2);
    const stream = await open('/execute', { headers: { 'Last-Event-ID': `${key}.2` } });
    run.finish();
    expect(await restOf(stream)).toEqual(['progress 3', 'progress 4', 'progress 5', 'complete 6']);
  });

  it('ahead of the log gives a gap that says so, then goes on from the head', async () => {
    const { run, key, open } = await startWith(5);
    const stream = await open('/report', { headers: { 'Last-Event-ID': `${key}.9` } });
    await stream.next();
    expect(await stream.next()).toMatchObject({
      event: 'gap',
      data: '{"from":6,"to":9,"reason":"ahead"}',
      id: `${key}.5`,
    });
    await run.context.updateProgress({ step: 6 });
    expect(await stream.next()).toMatchObject({ data: '{"step":6}', id: `${key}.6` });
  });
});

describe('the position from ?last_event_id=, or from ?lastEventId=, which a polyfill sends', () => {
  const NAMES = ['last_event_id', 'lastEventId'];
  const QUERIES: [what: string, query: string][] = [
    ['a whole id', 'NAME=$KEY.3'],
    ['a whole id beside its key', 'resume_key=$KEY&NAME=$KEY.3'],
    ['a bare seq beside the key', 'resume_key=$KEY&NAME=3'],
    ['a whole id beside the idempotency key of the start', 'idempotency_key=order-7&NAME=$KEY.3'],
  ];

  it.each(NAMES.flatMap((name) => QUERIES.map(([what, query]) => [name, what, query.replace('NAME', name)])))(
    'in %s as %s gives exactly the events after it, on every route',
    async (_name, _what, query) => {
      const { run, key, open, job } = await startWith(5);
      const streams = [];
      for (const [, path] of streamRoutes(run.context.taskId)) {
        const stream = await open(`${path}?${query.replaceAll('$KEY', key)}`);
        expect([stream.status, stream.headers['x-resume-key'], job.calls]).toEqual([200, key, 1]);
        streams.push(stream);
      }
      run.finish();
      for (const stream of streams) expect(await restOf(stream)).toEqual(['progress 4', 'progress 5', 'complete 6']);
    },
  );

  it.each(NAMES)('a start with an idempotency key is the same start with ?%s=', async (name) => {
    const { open, job } = await start();
    const first = await open('/report?idempotency_key=order-7&row=1');
    const key = String(first.headers['x-resume-key']);
    const again = await open(`/report?idempotency_key=order-7&row=1&${name}=`);
    expect([again.status, again.headers['x-resume-key'], job.calls]).toEqual([200, key, 1]);
  });
});

/** Reads to event `seq` and leaves. */
async function leaveAfter(seq: number, stream: OpenStream): Promise<void> {
  for await (const { event, id } of stream.frames) if (event !== 'task' && seqOf(id) === seq) break;
  stream.destroy();
}

describe('a subscriber that was attached before, without a position', () => {
  it('gets the events that came while it was away', async () => {
    const { run, key, open, closed } = await startWith(3, { subscriberId: 'ann' });
    await leaveAfter(3, await open(`/execute?resume_key=${key}`));
    await closed(2);
    for (let step = 4; step <= 6; step++) await run.context.updateProgress({ step });
    const back = await open(`/execute?resume_key=${key}`);
    expect(await positionOf(back)).toBe(3);
    run.finish();
    expect((await back.rest()).map(({ id }) => seqOf(id))).toEqual([4, 5, 6, 7]);
  });

  it('is recognised by the subscriberId of handler(), and by no other', async () => {
    const handler = { subscriberId: (req: { get(name: string): string | undefined }) => req.get('X-Tab') };
    const { run, key, open, closed } = await startWith(3, { handler });
    await leaveAfter(3, await open(`/report?resume_key=${key}`, { headers: { 'X-Tab': 'a' } }));
    await closed(2);
    expect(await positionOf(await open(`/report?resume_key=${key}`, { headers: { 'X-Tab': 'b' } }))).toBe(0);
    expect(await positionOf(await open(`/report?resume_key=${key}`))).toBe(0);
    expect(await positionOf(await open(`/report?resume_key=${key}`, { headers: { 'X-Tab': 'a' } }))).toBe(3);
    run.finish();
  });

  it('gets 204 when it has seen the end', async () => {
    const { run, key, open } = await startWith(1, { subscriberId: 'ann' });
    const first = await open(`/execute?resume_key=${key}`);
    run.finish();
    await first.rest();
    expect((await open(`/execute?resume_key=${key}`)).status).toBe(204);
  });
});

describe('two tabs with one subscriber id', () => {
  it('do not evict each other, and both get everything', async () => {
    const { run, key, open } = await startWith(3, { subscriberId: 'one-ip' });
    const tabs = [await open(`/execute?resume_key=${key}`), await open(`/execute?resume_key=${key}`)];
    await run.context.updateProgress({ step: 4 });
    run.finish();
    for (const tab of tabs) {
      expect(await restOf(tab)).toEqual(['progress 1', 'progress 2', 'progress 3', 'progress 4', 'complete 5']);
    }
  });

  it('start from the oldest kept event while the other one is attached', async () => {
    const { key, open, closed } = await startWith(3, { subscriberId: 'one-ip' });
    await open(`/execute?resume_key=${key}`);
    await leaveAfter(3, await open(`/execute?resume_key=${key}`));
    await closed(2);
    expect(await positionOf(await open(`/execute?resume_key=${key}`))).toBe(0);
  });
});

describe('any other client', () => {
  it('gets all events that are kept', async () => {
    const { run, key, open } = await startWith(3);
    const stream = await open(`/report?resume_key=${key}`);
    run.finish();
    expect(await restOf(stream)).toEqual(['progress 1', 'progress 2', 'progress 3', 'complete 4']);
  });

  it('gets a gap in the place of events that are not', async () => {
    const { run, open, tasks, key } = await startWith(50, { maxEventsPerTask: 8 });
    const stream = await open(`/report?resume_key=${key}`);
    run.finish();
    const { firstKeptSeq } = await tasks.getTaskInfo(run.context.taskId);
    const rest = await restOf(stream);
    expect(rest[0]).toBe('gap 42');
    expect(rest.slice(1)).toEqual(
      [43, 44, 45, 46, 47, 48, 49, 50].map((seq) => `progress ${seq}`).concat('complete 51'),
    );
    expect(firstKeptSeq).toBeLessThanOrEqual(44);
  });
});

describe('a real client that is cut again and again', () => {
  it.each(exactClients.map((client) => [client.name, client] as const))(
    '%s gets each event once',
    async (_name, client) => {
      const server = await start({ retryMs: 0 });
      // Headers and the task frame, then a few events, then a reset in the middle of a frame.
      const proxy = await startCutProxy({
        upstreamPort: server.port,
        plan: (connection) =>
          connection <= 6 ? { after: 900 + 37 * connection, kind: connection % 2 ? 'rst' : 'fin' } : {},
      });
      try {
        const running = client.open(`${proxy.url}/report`);
        const { context, finish } = await server.job.run();
        for (let n = 1; n <= 200; n++) void context.updateProgress({ n });
        finish();
        expect(await running.ended).toBe('no-content');
        expectExact(running.events, 200);
        expect(proxy.cuts).toBe(6);
        expect(server.job.calls).toBe(1);
      } finally {
        await proxy.close();
      }
    },
  );
});
