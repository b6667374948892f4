import type { Http2ServerResponse } from 'node:http2';
import { Attachment } from '../../lib/core/engine/attachment.js';
import type { Start } from '../../lib/core/log/subscription.js';
import { DEFAULT_WIRE } from '../../lib/sse/default-wire.js';
import type { TaskEvent } from '../../lib/sse/frame.js';
import { Heartbeat } from '../../lib/sse/heartbeat.js';
import { isQueued } from '../../lib/sse/guarded-response.js';
import { StoredTaskStream } from '../../lib/sse/task-stream.js';
import { endless, EngineFixture } from '../support/jobs/engine-fixture.js';
import { controlledJob } from '../support/jobs/controlled-job.js';
import { turn } from '../support/jobs/run-fixture.js';
import { codeOf } from '../support/stores/store-fixtures.js';

type Stream = StoredTaskStream;

describe('StoredTaskStream', () => {
  let fixture: EngineFixture;
  let maxSubscribersPerTask: number;

  const streamOf = async (taskId: string, changed: Partial<Start> = {}): Promise<Stream> => {
    const { engine } = fixture;
    const record = await engine.find({ taskId });
    const start = { position: 0, snapshot: false, ...changed };
    const store = { open: async (id: string) => fixture.open(id) };
    return new StoredTaskStream(
      { attachment: new Attachment(store, { record, start, subscriberId: 'ann', resumed: true }) },
      { heartbeat: new Heartbeat(engine.options), maxSubscribersPerTask, wireOf: () => DEFAULT_WIRE },
    );
  };
  const read = async (stream: Stream, count = Infinity): Promise<TaskEvent[]> => {
    const events: TaskEvent[] = [];
    for await (const event of stream) if (events.push(event) >= count) break;
    return events;
  };

  beforeEach(() => {
    fixture = new EngineFixture({ maxEventsPerTask: 16, ttlMs: 1_000, sweepIntervalMs: 1_000 });
    maxSubscribersPerTask = 2;
  });

  it('opens no subscription until it is read', async () => {
    const { taskId, resumeKey } = await fixture.start(endless);
    expect(await streamOf(taskId, { position: 7 })).toMatchObject({ taskId, resumeKey, resumed: true, position: 7 });
    expect((await fixture.engine.find({ taskId })).subscribers).toBe(0);
  });

  it('iterates over progress and named events up to the end', async () => {
    const { taskId } = await fixture.start(async ({ updateProgress, emit }) => {
      await updateProgress({ step: 1 });
      await emit('token', 'a: "b"');
      return ['done'];
    });
    expect(await read(await streamOf(taskId))).toEqual([
      { kind: 'progress', seq: 1, data: { step: 1 } },
      { kind: 'event', seq: 2, event: 'token', data: 'a: "b"' },
      { kind: 'complete', seq: 3, result: ['done'] },
    ]);
  });

  it('iterates to a failure and to a cancellation', async () => {
    const failed = await fixture.start(() => Promise.reject(new Error('secret')));
    const error = { code: 'TASK_FAILED', message: 'The task failed' };
    expect(await read(await streamOf(failed.taskId))).toEqual([{ kind: 'failed', seq: 1, error }]);
    const cancelled = await fixture.start(endless);
    await fixture.engine.cancel(cancelled.taskId, 'Enough');
    expect(await read(await streamOf(cancelled.taskId))).toEqual([
      { kind: 'cancelled', seq: 1, code: 'TASK_CANCELLED', reason: 'Enough' },
    ]);
  });

  it('has no result where the job has none', async () => {
    const { taskId } = await fixture.start(() => undefined);
    expect(await read(await streamOf(taskId))).toEqual([{ kind: 'complete', seq: 1, result: undefined }]);
  });

  it('begins after its position, and with a gap where that was trimmed', async () => {
    const { taskId } = await fixture.start(({ updateProgress }) => {
      for (let n = 1; n <= 99; n++) void updateProgress(n);
    });
    await turn();
    const [gap, first, ...rest] = await read(await streamOf(taskId, { position: 5 }));
    expect(gap).toMatchObject({ kind: 'gap', from: 6, reason: 'trimmed' });
    expect(first?.kind === 'progress' && first.seq).toBe((gap as { to: number }).to + 1);
    expect(rest.at(-1)).toMatchObject({ kind: 'complete', seq: 100 });
    expect(await read(await streamOf(taskId, { position: 98 }))).toHaveLength(2);
    expect(await read(await streamOf(taskId, { position: 100 }))).toEqual([]);
  });

  it('gives the snapshot that is asked for', async () => {
    const snapshot = { initial: () => 0, reduce: (sum: unknown, n: unknown) => Number(sum) + Number(n) };
    const { taskId } = await fixture.start(({ updateProgress }) => void [1, 2].map((n) => updateProgress(n)), {
      snapshot,
    });
    await turn();
    expect(await read(await streamOf(taskId, { snapshot: true }))).toEqual([
      { kind: 'snapshot', seq: 2, data: 3 },
      { kind: 'complete', seq: 3, result: undefined },
    ]);
  });

  it('waits for the next event', async () => {
    const controlled = controlledJob();
    const { taskId } = await fixture.start(controlled.job);
    const run = await controlled.run();
    const iterator = (await streamOf(taskId))[Symbol.asyncIterator]();
    for (const n of [1, 2, 3]) {
      const next = iterator.next();
      await turn();
      void run.context.updateProgress(n);
      expect(await next).toEqual({ done: false, value: { kind: 'progress', seq: n, data: n } });
    }
    run.finish();
    expect((await iterator.next()).value).toMatchObject({ kind: 'complete', seq: 4 });
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
  });

  it('leaves the task when its reader breaks off, and remembers the position', async () => {
    const { taskId } = await fixture.start(async ({ updateProgress }) => {
      void updateProgress(1);
      await endless(undefined as never, '', undefined as never);
    });
    await turn();
    expect(await read(await streamOf(taskId), 1)).toHaveLength(1);
    const record = await fixture.engine.find({ taskId });
    expect(record).toMatchObject({ subscribers: 0, status: 'running' });
    const returning = { cursor: undefined, subscriberId: 'ann', snapshot: false };
    expect((await fixture.engine.attachTo({ record, created: false }, returning)).start.position).toBe(1);
  });

  it.each(['before it has begun', 'while it waits'])('ends at once when its reader leaves %s', async (when) => {
    const { taskId } = await fixture.start(endless);
    const iterator = (await streamOf(taskId))[Symbol.asyncIterator]();
    const next = iterator.next();
    if (when === 'while it waits') await turn();
    expect(await iterator.return(undefined)).toEqual({ done: true, value: undefined });
    expect(await next).toEqual({ done: true, value: undefined });
    expect(await fixture.engine.find({ taskId })).toMatchObject({ subscribers: 0, status: 'running' });
  });

  it('rejects when the task is forgotten while it is read', async () => {
    const { taskId } = await fixture.start(async ({ updateProgress }) => {
      await updateProgress(1);
    });
    await turn();
    const stream = await streamOf(taskId);
    const iterator = stream[Symbol.asyncIterator]();
    const feed = await fixture.open(taskId);
    feed.log.discard();
    expect(await codeOf(() => iterator.next())).toBe('TASK_EXPIRED');
    expect(feed.record.subscribers).toBe(0);
  });

  it('refuses to be read once the task has expired', async () => {
    const { taskId } = await fixture.start(() => 1);
    await turn();
    const stream = await streamOf(taskId);
    fixture.clock.advance(1_000);
    expect(await codeOf(() => read(stream))).toBe('TASK_EXPIRED');
  });

  it('refuses more subscribers than maxSubscribersPerTask, and takes one for each that leaves', async () => {
    const { taskId } = await fixture.start(
      ({ updateProgress }) => (void updateProgress(1), endless(undefined as never, '', undefined as never)),
    );
    await turn();
    const open = async (): Promise<AsyncGenerator<TaskEvent>> => {
      const iterator = (await streamOf(taskId))[Symbol.asyncIterator]();
      await iterator.next();
      return iterator;
    };
    const first = await open();
    await open();
    expect(await codeOf(open)).toBe('TOO_MANY_SUBSCRIBERS');
    await first.return(undefined);
    expect(await codeOf(open)).toBeUndefined();
  });
});

describe('isQueued', () => {
  it.each([
    [1, null, true],
    [1, {}, false],
    [2, null, false],
  ])('of an HTTP/%d response with the socket %j is %s', (httpVersionMajor, socket, queued) => {
    expect(isQueued({ req: { httpVersionMajor }, socket } as unknown as Http2ServerResponse)).toBe(queued);
  });
});
