import { expectExact } from '../support/sse/received-events.js';
import { eventsource } from '../support/clients/eventsource.js';
import { ManualClock } from '../support/clock/manual-clock.js';
import type { OpenStream } from '../support/http/raw-http.js';
import { BEYOND_SOCKETS } from '../support/http/socket-buffers.js';
import { useTaskServers, type TaskServer } from '../support/servers/task-server.js';

const start = useTaskServers();

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function attach(server: TaskServer, resumeKey: string): Promise<OpenStream> {
  const stream = await server.open(`/report?resume_key=${resumeKey}`);
  expect((await stream.next())?.event).toBe('task');
  return stream;
}

describe('the heartbeat', () => {
  it('is sent as a comment after each heartbeatMs of silence', async () => {
    const clock = new ManualClock();
    const server = await start({ clock });
    const { context } = await server.begin();
    const stream = await attach(server, context.resumeKey);
    for (let beat = 1; beat <= 3; beat++) {
      clock.advance(15_000);
      expect(await stream.next()).toEqual({
        comment: 'heartbeat',
        ...{ event: undefined, data: undefined, id: undefined, retry: undefined },
      });
    }
  });

  it('is exactly these bytes', async () => {
    const clock = new ManualClock();
    const server = await start({ clock });
    const stream = await server.open('/report');
    const { context, finish } = await server.job.run();
    clock.advance(15_000);
    await context.updateProgress(1);
    finish();
    expect(await stream.text()).toContain(`.0\n\n: heartbeat\n\ndata: 1\n`);
  });

  it('is not sent while events flow', async () => {
    const clock = new ManualClock();
    const server = await start({ clock });
    const { context } = await server.begin();
    const stream = await attach(server, context.resumeKey);
    for (let step = 1; step <= 10; step++) {
      clock.advance(10_000);
      await context.updateProgress({ step });
      expect((await stream.next())?.data).toBe(`{"step":${step}}`);
    }
  });

  it('is off with heartbeatMs 0', async () => {
    const clock = new ManualClock();
    const server = await start({ clock, heartbeatMs: 0, abandonAfterMs: Infinity, timeoutMs: Infinity });
    const { context } = await server.begin();
    const stream = await attach(server, context.resumeKey);
    clock.advance(86_400_000);
    await context.updateProgress({ step: 1 });
    expect((await stream.next())?.data).toBe('{"step":1}');
  });

  it('has one timer for all connections, and none without any', async () => {
    const clock = new ManualClock();
    const server = await start({ clock });
    const { context } = await server.begin();
    const before = clock.timers;
    const streams: OpenStream[] = [];
    for (let tab = 0; tab < 25; tab++) streams.push(await attach(server, context.resumeKey));
    expect(clock.timers).toBe(before + 1);
    clock.advance(15_000);
    for (const stream of streams) expect((await stream.next())?.comment).toBe('heartbeat');
    for (const stream of streams) stream.destroy();
    await server.closed(26);
    expect(clock.timers).toBe(before);
    expect(server.tasks.getStatistics().connections).toBe(0);
  });
});

describe('a connection whose client reads nothing', () => {
  it('is closed after stallTimeoutMs, and not before', async () => {
    const clock = new ManualClock();
    const server = await start({ clock, stallTimeoutMs: 60_000, maxBytesPerTask: 2 * BEYOND_SOCKETS });
    const { context } = await server.begin();
    const reader = await attach(server, context.resumeKey);
    const stalled = await server.open(`/report?resume_key=${context.resumeKey}`);
    let step = 0;
    for (let sent = 0; sent < BEYOND_SOCKETS; sent += 1_000_000) {
      await context.updateProgress({ step: ++step, padding: 'x'.repeat(1_000_000) });
      expect((await reader.next())?.id).toBe(`${context.resumeKey}.${step}`);
    }
    const connections = (): number => server.tasks.getStatistics().connections;
    let waitedMs = 0;
    for (; connections() === 2 && waitedMs < 600_000; waitedMs += 1_000) {
      clock.advance(1_000);
      await turn();
    }
    expect(waitedMs).toBeGreaterThanOrEqual(60_000);
    expect(waitedMs).toBeLessThanOrEqual(75_000);
    expect(connections()).toBe(1);
    await expect(stalled.rest()).rejects.toThrow();

    await context.updateProgress({ step: 'last' });
    let last = await reader.next();
    while (last?.comment !== undefined) last = await reader.next();
    expect(last?.data).toBe('{"step":"last"}');
  }, 120_000); // all that has to be read
});

describe('a connection that has reached its age', () => {
  it('ends with a jittered retry and no terminal event, and goes on where it was', async () => {
    const clock = new ManualClock();
    const server = await start({ clock, maxConnectionAgeMs: 60_000, retryMs: 1_000 });
    const { context, finish } = await server.begin();
    const stream = await attach(server, context.resumeKey);
    clock.advance(44_000);
    await context.updateProgress({ step: 1 });
    let frame = await stream.next();
    while (frame?.comment !== undefined) frame = await stream.next();
    expect(frame?.data).toBe('{"step":1}');

    clock.advance(35_000);
    const rest = (await stream.rest()).filter(({ comment }) => comment === undefined);
    expect(rest).toEqual([
      { event: undefined, data: undefined, id: undefined, comment: undefined, retry: expect.any(Number) },
    ]);
    expect(Math.abs((rest[0]?.retry ?? 0) - 1_000)).toBeLessThanOrEqual(250);
    expect(context.signal.aborted).toBe(false);

    const back = await server.open('/report', { headers: { 'Last-Event-ID': frame?.id ?? '' } });
    await context.updateProgress({ step: 2 });
    finish();
    expect((await back.rest()).map(({ event, id }) => [event, id?.split('.')[1]])).toEqual([
      ['task', '1'],
      [undefined, '2'],
      ['complete', '3'],
    ]);
  });

  it('does not end together with those that were opened together', async () => {
    const clock = new ManualClock();
    const server = await start({ clock, maxConnectionAgeMs: 60_000 });
    const { context } = await server.begin();
    for (let tab = 0; tab < 25; tab++) await attach(server, context.resumeKey);
    const open = new Set<number>();
    for (let second = 0; second < 80; second++) {
      clock.advance(1_000);
      await turn();
      open.add(server.tasks.getStatistics().connections);
    }
    expect(open.size).toBeGreaterThan(2);
    await server.closed(26);
    expect(server.tasks.getStatistics().connections).toBe(0);
  });

  it('loses nothing for a real EventSource', async () => {
    const clock = new ManualClock();
    const server = await start({ clock, maxConnectionAgeMs: 60_000, retryMs: 0 });
    let last = 0;
    let arrived: (() => void) | undefined;
    const client = eventsource.open(`${server.url}/report`, {
      onEvent: ({ event, data }) => {
        if (event === 'message') last = (JSON.parse(data) as { n: number }).n;
        arrived?.();
      },
    });
    const { context, finish } = await server.job.run();
    for (let n = 1; n <= 20; n++) {
      await context.updateProgress({ n });
      while (last < n) await new Promise<void>((resolve) => (arrived = resolve));
      clock.advance(30_000);
    }
    finish();
    expect(await client.ended).toBe('no-content');
    expectExact(client.events, 20);
    expect(client.connections).toBeGreaterThan(4);
  });
});
