import { Run } from '../../../lib/core/run/run.js';
import type { AsyncTask, TaskContext } from '../../../lib/core/task/task.js';
import { RunFixture, turn } from '../../support/jobs/run-fixture.js';
import { codeOf } from '../../support/stores/store-fixtures.js';

const cycle: unknown[] = [];
cycle.push(cycle);

/** A run that is inside its job, and the context it has there. */
async function inside(...rest: [object?, object?, object?]): Promise<{ fixture: RunFixture; context: TaskContext }> {
  let context: TaskContext | undefined;
  const job: AsyncTask = (given) => ((context = given), new Promise(() => undefined));
  const fixture = new RunFixture(job, ...rest).start();
  await turn();
  return { fixture, context: context! };
}

describe('The progress of a run', () => {
  it('is appended in the order of the calls, awaited or not, with and without a name', async () => {
    const { fixture, context } = await inside();
    void context.updateProgress(1);
    await context.emit('token', 'two');
    void context.updateProgress({ three: 3 });
    expect(fixture.events).toEqual([
      { seq: 1, event: undefined, data: '1' },
      { seq: 2, event: 'token', data: '"two"' },
      { seq: 3, event: undefined, data: '{"three":3}' },
    ]);
    expect(fixture.info).toMatchObject({ progress: { three: 3 }, lastSeq: 3 });
  });

  it('comes before the end of a job that did not wait for it', async () => {
    const fixture = new RunFixture((_context, _taskId, updateProgress) => {
      for (let n = 1; n <= 1_000; n++) void updateProgress(n);
      return 'done';
    }).start();
    await fixture.run.ended;
    expect(fixture.events.map(({ seq }) => seq)).toEqual(Array.from({ length: 1_001 }, (_, i) => i + 1));
    expect(fixture.events.at(-1)?.event).toBe('complete');
  });

  it.each<[string, unknown, string]>([
    ['undefined', undefined, 'UNSERIALIZABLE'],
    ['a BigInt', 1n, 'UNSERIALIZABLE'],
    ['a cycle', cycle, 'UNSERIALIZABLE'],
    ['one byte too much', 'x'.repeat(1_023), 'EVENT_TOO_LARGE'],
  ])('is refused when it is %s; the task runs on and no seq is used up', async (_, data, code) => {
    const { fixture, context } = await inside();
    await context.updateProgress('before');
    expect(await codeOf(() => context.updateProgress(data))).toBe(code);
    expect(await codeOf(() => context.emit('token', data))).toBe(code);
    await context.updateProgress('x'.repeat(1_022));
    expect(fixture.events.map(({ seq }) => seq)).toEqual([1, 2]);
    expect(fixture.info.status).toBe('running');
    expect(fixture.observer.errors).toHaveLength(2);
  });

  it.each<[unknown, string]>([
    ['complete', 'RESERVED_EVENT_NAME'],
    ['message', 'RESERVED_EVENT_NAME'],
    ['a\nb', 'INVALID_EVENT_NAME'],
    [undefined, 'INVALID_EVENT_NAME'],
    [5, 'INVALID_EVENT_NAME'],
  ])('is refused under the name %j, with nothing written', async (name, code) => {
    const { fixture, context } = await inside();
    expect(await codeOf(() => context.emit(name as string, 1))).toBe(code);
    expect(fixture.info).toMatchObject({ lastSeq: 0, bufferedBytes: 0 });
  });

  it('rejects and never throws, so that a job that does not await it goes on', async () => {
    const { fixture, context } = await inside();
    const refusals = [context.updateProgress(undefined), context.emit('', 1)];
    await turn();
    await turn(); // an unhandled rejection would fail this test
    expect(fixture.observer.errors).toHaveLength(2);
    expect((await Promise.allSettled(refusals)).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  });

  it('is refused after the end, and not reported as an error', async () => {
    const { fixture, context } = await inside();
    await fixture.run.complete(1);
    void context.updateProgress(1);
    void context.emit('late', 1);
    await turn();
    expect(await codeOf(() => context.updateProgress(1))).toBe('TASK_NOT_RUNNING');
    expect(fixture.observer.errors).toEqual([]);
    expect(fixture.events).toHaveLength(1);
  });

  it('reports a refusal once although the job that awaits it fails of it', async () => {
    const fixture = new RunFixture((context) => context.updateProgress(1n)).start();
    await fixture.run.ended;
    await turn();
    expect(fixture.observer.errors).toEqual([expect.objectContaining({ code: 'UNSERIALIZABLE' })]);
    expect(fixture.info).toMatchObject({ status: 'failed', error: { code: 'UNSERIALIZABLE' } });
  });

  it('lets the event loop turn in a job that does nothing but await it', async () => {
    const fixture = new RunFixture(async (context) => {
      while (!context.signal.aborted) await context.updateProgress(1);
    }).start();
    let turns = 0;
    while (fixture.run.record.lastSeq < 1_000) {
      await turn();
      turns++;
    }
    fixture.clock.advance(1_000);
    await fixture.run.ended;
    expect(turns).toBeGreaterThan(3);
    expect(fixture.info.error?.code).toBe('TASK_TIMEOUT');
  });

  it('costs no turn for each event', async () => {
    const { fixture, context } = await inside();
    let turns = 0;
    const count = (): void => {
      turns++;
      if (fixture.run.record.lastSeq < 1_280) setImmediate(count);
    };
    setImmediate(count);
    for (let n = 0; n < 1_280; n++) await context.updateProgress(n);
    expect(turns).toBeGreaterThanOrEqual(8);
    expect(turns).toBeLessThanOrEqual(24);
  });

  it('is folded into the snapshot as it is appended; named and refused events are not', async () => {
    const reduce = (sum: unknown, data: unknown): number => Number(sum) + Number(data);
    const { fixture, context } = await inside({ snapshot: { initial: () => 0, reduce } });
    await context.updateProgress(1);
    await context.emit('other', 10);
    await codeOf(() => context.updateProgress(1n));
    await context.updateProgress(2);
    expect(fixture.store.open('task-1')!.snapshot()).toEqual({ seq: 3, json: '3' });
    await fixture.run.complete(undefined);
    expect(await codeOf(() => context.updateProgress(100))).toBe('TASK_NOT_RUNNING');
    expect(fixture.run.snapshot?.toJson()).toBe('3');
  });

  it('survives a snapshot whose reducer throws: the event is kept, the error reported once', async () => {
    const failure = new Error('no');
    const reduce = (): never => {
      throw failure;
    };
    const { fixture, context } = await inside({ snapshot: { initial: () => 0, reduce } });
    await context.updateProgress(1);
    await context.updateProgress(2);
    expect(fixture.info).toMatchObject({ status: 'running', lastSeq: 2 });
    expect(fixture.observer.errors).toEqual([expect.objectContaining({ code: 'CALLBACK_FAILED', cause: failure })]);
    expect(fixture.store.open('task-1')!.snapshot()).toBeUndefined();
  });

  it.each(['updateProgress', 'emit'] as const)(
    'is refused to a reducer that calls %s, and the task goes on',
    async (method) => {
      const codes: Promise<unknown>[] = [];
      const writers: TaskContext[] = [];
      const reduce = (sum: unknown): number => {
        for (const given of writers) codes.push(codeOf(() => given[method]('again', 1)));
        return Number(sum) + 1;
      };
      const { fixture, context } = await inside({ snapshot: { initial: () => 0, reduce } });
      writers.push(context);
      await context.updateProgress(1);
      await context.updateProgress(2);
      expect(await Promise.all(codes)).toEqual(['CALLBACK_FAILED', 'CALLBACK_FAILED']);
      expect(fixture.store.open('task-1')!.snapshot()).toEqual({ seq: 2, json: '2' });
      expect(fixture.info).toMatchObject({ status: 'running', lastSeq: 2 });
    },
  );

  it('is handed to the next attempt', async () => {
    const { fixture, context } = await inside();
    await context.updateProgress({ row: 7 });
    let lastProgress: unknown;
    fixture.store.open('task-1')!.record.orphaned = true;
    const job: AsyncTask = (given) => void ({ lastProgress } = given);
    const { writer } = fixture.store.claim('task-1')!;
    const second = new Run(writer, job, fixture.run.options, fixture.run.settings, fixture.observer);
    second.start();
    await second.ended;
    expect(lastProgress).toEqual({ row: 7 });
    expect(fixture.events.map(({ seq }) => seq)).toEqual([1, 2]);
  });
});
