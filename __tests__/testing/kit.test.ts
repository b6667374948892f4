import http from 'node:http';
import express from 'express';
import { createTaskManager, type AsyncTask } from '../../lib/index.js';
import { collect, createCutProxy, createManualClock, expectExact, runJob } from '../../lib/testing/index.js';

const countTo: AsyncTask<{ n: number }, { total: number }, number> = async ({ input }, _taskId, updateProgress) => {
  for (let n = 1; n <= input; n++) await updateProgress({ n });
  return { total: input };
};

describe('runJob', () => {
  it('runs a job to its end without a server', async () => {
    const { result, progress, events } = await runJob(countTo, 3);
    expect(result).toEqual({ total: 3 });
    expect(progress).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
    expect(events.map(({ kind }) => kind)).toEqual(['progress', 'progress', 'progress', 'complete']);
    expectExact(events.flatMap((event) => ('seq' in event ? [event] : [])));
  });

  it('gives named events, and everything as JSON leaves it', async () => {
    const job: AsyncTask = async ({ emit }, _taskId, updateProgress) => {
      await emit('note', { at: new Date(0) });
      await updateProgress({ missing: undefined });
    };
    const { events, result } = await runJob(job);
    expect(events[0]).toEqual({ kind: 'event', seq: 1, event: 'note', data: { at: '1970-01-01T00:00:00.000Z' } });
    expect(events[1]).toEqual({ kind: 'progress', seq: 2, data: {} });
    expect(result).toBeUndefined();
  });

  it('rejects with the very error that the job throws', async () => {
    const error = new Error('No such year');
    await expect(
      runJob(async () => {
        throw error;
      }),
    ).rejects.toBe(error);
  });

  it('refuses everything that a manager would refuse', async () => {
    const job: AsyncTask = async (_context, _taskId, updateProgress) => updateProgress(10n);
    await expect(runJob(job)).rejects.toMatchObject({ code: 'UNSERIALIZABLE' });
  });

  it.each(['before', 'after'])('is cancelled by a signal that aborts %s its start', async (when) => {
    const controller = new AbortController();
    if (when === 'before') controller.abort();
    const job: AsyncTask = async ({ signal }) => {
      if (when === 'after') controller.abort();
      if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve));
    };
    await expect(runJob(job, undefined, { signal: controller.signal })).rejects.toMatchObject({
      code: 'TASK_CANCELLED',
    });
  });

  it('ends a job that takes too long, by a clock that the test moves', async () => {
    const clock = createManualClock();
    const job: AsyncTask = async () => {
      clock.advance(5_000);
      await new Promise(() => undefined);
    };
    await expect(runJob(job, undefined, { clock, timeoutMs: 5_000 })).rejects.toMatchObject({ code: 'TASK_TIMEOUT' });
  });
});

describe('collect', () => {
  const tasks = createTaskManager();
  const app = express()
    .get('/count', tasks.handler(countTo, { input: () => 200 }))
    .get('/page', (_req, res) => void res.send('<p>No stream</p>'));
  const server = http.createServer(app);
  let port = 0;

  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    port = (server.address() as { port: number }).port;
  });
  afterAll(async () => {
    await tasks.stop();
    server.closeAllConnections();
    server.close();
  });

  it('reads a task to its end', async () => {
    const { status, headers, events, end, connections } = await collect(`http://127.0.0.1:${port}/count`);
    expect(status).toBe(200);
    expect(headers.get('x-task-id')).toMatch(/^[0-9a-f-]{36}$/);
    expectExact(events, { to: 201 });
    expect(events[0]).toMatchObject({ event: 'message', data: { n: 1 } });
    expect(end).toMatchObject({ event: 'complete', data: { result: { total: 200 } } });
    expect(connections).toBe(1);
  });

  it('comes back after each cut until it has the end', async () => {
    const proxy = await createCutProxy({ port }, (connection) => (connection < 4 ? { after: 3_000 } : {}));
    try {
      const { events, end, connections } = await collect(`${proxy.url}/count`, { maxConnections: 10 });
      expectExact(events, { to: 201 });
      expect(end?.event).toBe('complete');
      expect(connections).toBe(4);
    } finally {
      await proxy.close();
    }
  });

  it('returns the received events where no further connection is allowed', async () => {
    const proxy = await createCutProxy({ port }, () => ({ after: 3_000, kind: 'fin' }));
    try {
      const { events, end } = await collect(`${proxy.url}/count`);
      expect(end).toBeUndefined();
      expectExact(events);
      expect(events.length).toBeGreaterThan(5);
    } finally {
      await proxy.close();
    }
  });

  it('rejects where the answer is not a stream', async () => {
    await expect(collect(`http://127.0.0.1:${port}/page`)).rejects.toThrow(
      'to answer text/event-stream, got 200 text/html',
    );
  });
});

describe('expectExact', () => {
  const seqs = (...numbers: number[]) => numbers.map((seq) => ({ seq }));

  it.each([
    ['nothing', seqs(), {}],
    ['all from the first', seqs(1, 2, 3), {}],
    ['all from another one', seqs(4, 5), { from: 4, to: 5 }],
  ])('accepts %s', (_what, events, range) => {
    expect(() => expectExact(events, range)).not.toThrow();
  });

  it.each([
    ['a missing event', seqs(1, 3), {}, 'after 1 came 3: 1 missing'],
    ['one that came twice', seqs(1, 2, 2), {}, '2 came twice'],
    ['one that came late', seqs(1, 2, 3, 1), {}, 'after 3 came 1: again, or late'],
    ['another first one', seqs(2), {}, 'the first is 2'],
    ['an end too soon', seqs(1, 2), { to: 3 }, 'the last is 2, not 3'],
    ['an end too late', seqs(1, 2), { to: 1 }, 'the last is 2, not 1'],
    ['no number', seqs(Number.NaN), {}, 'the first is NaN'],
  ])('finds %s', (_what, events, range, message) => {
    expect(() => expectExact(events, range)).toThrow(`The events are not exact: ${message}`);
  });
});

describe('a mistake in a test is an error, rather than a test that shows nothing', () => {
  const misspelt = { timeout: 1, maxConnection: 2 } as object;

  it.each<[what: string, call: () => Promise<unknown>, said: string]>([
    ['an option of runJob', () => runJob(() => 1, undefined, misspelt), 'did you mean timeoutMs'],
    ['an option of collect', () => collect('http://127.0.0.1:1', misspelt), 'Expected timeout to be an option'],
    ['a port for a target', () => createCutProxy(3000 as never), 'Expected port to be a whole number'],
  ])('%s', async (_what, call, said) => {
    await expect(call()).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message: expect.stringContaining(said) as string,
    });
  });
});
