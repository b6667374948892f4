import { asShared, sharedMemory } from '../support/stores/memory-stores.js';
import { ManualClock } from '../support/clock/manual-clock.js';
import { expectRefused, get } from '../support/http/refusal.js';
import { useTaskServers } from '../support/servers/task-server.js';

const start = useTaskServers();

describe('stopping a manager', () => {
  it.each([
    ['handler()', '/report'],
    ['executeWithSSE()', '/execute'],
    ['an idempotent start', '/report?idempotency_key=new'],
  ])(
    'refuses new work by %s with 503 and Retry-After, and closes the connection, also during the grace',
    async (_name, path) => {
      const clock = new ManualClock();
      const server = await start({ clock });
      const { context } = await server.begin();
      const stopped = server.tasks.stop({ graceMs: 10_000 });
      const refusal = { bytes: get(path), status: 503, code: 'SHUTDOWN', secrets: [context.resumeKey] };
      const during = await expectRefused(server, refusal);
      clock.advance(10_000);
      await stopped;
      const after = await expectRefused(server, refusal);
      // On a connection that is kept, the client would come back to this very instance.
      expect([during, after].map(({ headers }) => headers.connection)).toEqual(['close', 'close']);
    },
  );

  it('refuses startTask', async () => {
    const server = await start();
    await server.tasks.stop();
    const request = { method: 'POST', url: '/', headers: {} } as never;
    await expect(server.tasks.startTask(request, server.job.job)).rejects.toMatchObject({ code: 'SHUTDOWN' });
  });

  it('cancels running tasks, and every client gets the terminal event before its stream ends', async () => {
    const server = await start();
    const { context } = await server.begin();
    const url = `/report?resume_key=${context.resumeKey}`;
    const streams = [await server.open(url), await server.open(url), await server.open('/execute')];
    await server.tasks.stop();
    for (const stream of streams) {
      const frames = await stream.rest();
      expect(frames.map(({ event }) => event)).toEqual(['task', 'cancelled']);
      expect(JSON.parse(frames[1]?.data ?? '')).toMatchObject({
        status: 'cancelled',
        code: 'SHUTDOWN',
        reason: 'The server is shutting down',
      });
    }
    expect(context.signal.reason).toMatchObject({ name: 'TaskError', code: 'SHUTDOWN' });
    expect(server.tasks.getStatistics()).toMatchObject({ running: 0, connections: 0, cancelled: 2 });
  });

  it('lets a task end during the grace while its clients watch, and then waits no longer', async () => {
    const clock = new ManualClock();
    const server = await start({ clock });
    const stream = await server.open('/report');
    const { context, finish } = await server.job.run();
    const stopped = server.tasks.stop({ graceMs: 10_000 });
    clock.advance(9_999);
    expect(context.signal.aborted).toBe(false);
    await context.updateProgress({ step: 1 });
    finish('done');
    await stopped;
    expect((await stream.rest()).map(({ event }) => event)).toEqual(['task', undefined, 'complete']);
    expect(server.tasks.getStatistics()).toMatchObject({ completed: 1, cancelled: 0 });
  });

  it('cancels tasks that have not ended after the grace, even those that ignore their signal', async () => {
    const clock = new ManualClock();
    const server = await start({ clock });
    const ending = await server.begin();
    const stubborn = await server.begin();
    const stopped = server.tasks.stop({ graceMs: 10_000 });
    ending.finish();
    clock.advance(9_999);
    expect(stubborn.context.signal.aborted).toBe(false);
    clock.advance(1);
    await stopped;
    expect(stubborn.context.signal.reason).toMatchObject({ code: 'SHUTDOWN' });
    expect(server.tasks.getStatistics()).toMatchObject({ running: 0, completed: 1, cancelled: 1 });
    await expect(stubborn.context.updateProgress(1)).rejects.toMatchObject({ code: 'TASK_NOT_RUNNING' });
  });

  it('still lets clients return during the grace and after, to get the rest and the end', async () => {
    const clock = new ManualClock();
    const server = await start({ clock });
    const { context } = await server.begin();
    await context.updateProgress({ step: 1 });
    const url = `/report?resume_key=${context.resumeKey}`;
    const stopped = server.tasks.stop({ graceMs: 10_000 });
    const during = await server.open(url);
    await during.next();
    clock.advance(10_000);
    await stopped;
    expect((await during.rest()).map(({ event }) => event)).toEqual([undefined, 'cancelled']);
    const after = await server.open(url);
    expect((await after.rest()).map(({ event }) => event)).toEqual(['task', undefined, 'cancelled']);
  });

  it('ends a stream whose client does not read with a retry instead of the end that did not fit', async () => {
    const server = await start({ maxBytesPerTask: 16 * 2 ** 20, retryMs: 1_000 });
    const stream = await server.open('/report');
    const { context } = await server.job.run();
    // The first write fills the socket, which drains in a later turn of the event loop at the earliest.
    for (let step = 1; step <= 8; step++) await context.updateProgress({ step, padding: 'x'.repeat(1_000_000) });
    await new Promise(setImmediate);
    await server.tasks.stop();
    const frames = await stream.rest();
    const last = frames.at(-1);
    expect(frames.some(({ event }) => event === 'cancelled')).toBe(false);
    expect(last).toMatchObject({ id: undefined, data: undefined });
    expect(Math.abs((last?.retry ?? 0) - 1_000)).toBeLessThanOrEqual(250);

    // What it did get is whole, and it goes on from there.
    const id = frames.at(-2)?.id ?? '';
    const back = await server.open('/report', { headers: { 'Last-Event-ID': id } });
    const rest = await back.rest();
    expect(rest[1]?.id).toBe(`${context.resumeKey}.${frames.length - 1}`);
    expect(rest.at(-1)?.event).toBe('cancelled');
  });

  it('sends clients to the other instances at once, with a retry of each one’s own, where the store is shared', async () => {
    const clock = new ManualClock();
    const { store } = sharedMemory(asShared);
    const server = await start({ clock, store, retryMs: 1_000 });
    const { context } = await server.begin();
    const streams = [];
    for (let tab = 0; tab < 20; tab++) streams.push(await server.open(`/report?resume_key=${context.resumeKey}`));
    await new Promise(setImmediate);
    const stopped = server.tasks.stop({ graceMs: 10_000 });
    const retries = new Set<number>();
    for (const stream of streams) {
      const [task, end, ...more] = await stream.rest();
      expect([task?.event, end?.event, more.length]).toEqual(['task', undefined, 0]);
      expect(Math.abs((end?.retry ?? 0) - 1_000)).toBeLessThanOrEqual(250);
      retries.add(end?.retry ?? 0);
    }
    expect(retries.size).toBeGreaterThan(5);
    expect(context.signal.aborted).toBe(false);
    clock.advance(10_000);
    await stopped;
  });

  it('is idempotent: a second call waits for the first, whatever grace it asks for', async () => {
    const clock = new ManualClock();
    const server = await start({ clock });
    const { finish } = await server.begin();
    const first = server.tasks.stop({ graceMs: 10_000 });
    const second = server.tasks.stop();
    expect(server.tasks.getStatistics().running).toBe(1);
    finish();
    await Promise.all([first, second]);
    await server.tasks.stop({ graceMs: 60_000 });
    expect(server.tasks.getStatistics()).toMatchObject({ completed: 1, cancelled: 0 });
  });

  it('leaves no timer behind', async () => {
    const clock = new ManualClock();
    const server = await start({ clock });
    await server.open('/report');
    await server.begin();
    expect(clock.timers).toBeGreaterThan(2);
    await server.tasks.stop({ graceMs: 0 });
    await server.closed(2);
    expect(clock.timers).toBe(0);
  });
});
