import { TaskError } from '../../../lib/core/errors.js';
import type { AsyncTask, TaskContext } from '../../../lib/core/task/task.js';
import { RunFixture, turn } from '../../support/jobs/run-fixture.js';
import { codeOf } from '../../support/stores/store-fixtures.js';

const FAILED = { code: 'TASK_FAILED', message: 'The task failed' };
const boom = new Error('secret');
const never: AsyncTask = () => new Promise(() => undefined);

const ended = async (job: AsyncTask, ...rest: [object?, object?]): Promise<RunFixture> => {
  const fixture = new RunFixture(job, ...rest).start();
  await fixture.run.ended;
  return fixture;
};

describe('Run', () => {
  it('starts its job in a later turn, so that its starter is attached first', async () => {
    const job = jest.fn(never);
    new RunFixture(job).start();
    await Promise.resolve();
    expect(job).not.toHaveBeenCalled();
    await turn();
    expect(job).toHaveBeenCalledTimes(1);
  });

  it('hands the job its context, the task id and updateProgress', async () => {
    let context: TaskContext | undefined;
    const fixture = await ended(
      (given, taskId, updateProgress) => {
        context = given;
        return [taskId, updateProgress === given.updateProgress];
      },
      { input: { rows: 3 } },
    );
    expect(fixture.info.result).toEqual(['task-1', true]);
    expect(context).toMatchObject({
      ...{ taskId: 'task-1', resumeKey: fixture.run.record.resumeKey, input: { rows: 3 }, attempt: 1 },
      ...{ lastProgress: undefined, subscriberCount: 0 },
    });
    expect(context?.signal.aborted).toBe(false);
  });

  it('tells the job how many subscribers are attached, and the manager each time that changes', async () => {
    let context: TaskContext | undefined;
    const fixture = new RunFixture((given) => ((context = given), never(given, '', given.updateProgress))).start();
    await turn();
    const feed = fixture.store.open('task-1')!;
    feed.join('a');
    feed.join('b');
    expect(context?.subscriberCount).toBe(2);
    feed.leave('a', 0);
    expect(context?.subscriberCount).toBe(1);
    expect(fixture.observer.audiences).toEqual([1, 2, 1]);
    fixture.run.stop('cancelled', new TaskError('TASK_CANCELLED', 'Stop'));
    feed.leave('b', 0);
    expect(fixture.observer.audiences).toEqual([1, 2, 1]);
  });

  describe('outcome', () => {
    const RESULTS: [string, AsyncTask, object][] = [
      ['a promise of a value', async () => ({ rows: 3 }), { result: { rows: 3 } }],
      ['a value', () => 5, { result: 5 }],
      ['null', () => null, { result: null }],
      ['undefined', () => undefined, {}],
      ['a thenable', () => ({ then: (resolve: (value: number) => void) => resolve(7) }), { result: 7 }],
    ];

    it.each(RESULTS)('completes with %s', async (_, job, outcome) => {
      const { said, observer, info } = await ended(job);
      expect(said).toEqual([['complete', { task_id: 'task-1', status: 'completed', ...outcome }]]);
      expect(observer).toMatchObject({ settlements: ['completed'], errors: [] });
      expect(info.status).toBe('completed');
    });

    const throwing = (error: unknown) => (): never => {
      throw error as Error;
    };
    const rejecting =
      (error: unknown): AsyncTask =>
      async () =>
        Promise.reject(error);
    const THROWN: [string, AsyncTask, unknown][] = [
      ['throws', throwing(boom), boom],
      ['rejects', rejecting(boom), boom],
      ['rejects with undefined', rejecting(undefined), undefined],
      ['rejects with null', rejecting(null), null],
      ['throws a string', throwing('secret'), 'secret'],
      ['throws an object without a prototype', throwing(Object.create(null)), {}],
      ['rejects through a thenable', () => ({ then: (_: unknown, reject: (e: Error) => void) => reject(boom) }), boom],
      ['has a then that throws', () => Object.defineProperty({}, 'then', { get: throwing(boom) }), boom],
    ];

    describe.each([true, false])('with exposeErrors %s', (exposeErrors) => {
      it.each(THROWN)('fails once when the job %s, and reports it', async (_, job, error) => {
        const { said, observer, info } = await ended(job, {}, { exposeErrors });
        expect(said).toEqual([
          [
            'failed',
            { task_id: 'task-1', status: 'failed', error: { code: 'TASK_FAILED', message: expect.any(String) } },
          ],
        ]);
        expect(JSON.stringify(said).includes('secret')).toBe(exposeErrors && String(info.error?.message) === 'secret');
        if (!exposeErrors) expect(info.error).toEqual(FAILED);
        expect(observer).toMatchObject({ settlements: ['failed'], errors: [error] });
      });
    });

    it('shows the TaskError of a job as it is', async () => {
      const { info } = await ended(() => Promise.reject(new TaskError('INVALID_INPUT', 'Row 3 has no name')));
      expect(info.error).toEqual({ code: 'INVALID_INPUT', message: 'Row 3 has no name' });
    });

    it.each([
      ['a BigInt', 1n, 'UNSERIALIZABLE'],
      ['a function', () => 1, 'UNSERIALIZABLE'],
      ['too much', 'x'.repeat(1_023), 'EVENT_TOO_LARGE'],
    ])('fails when the result is %s', async (_, result, code) => {
      const { info, events } = await ended(() => result);
      expect(info).toMatchObject({ status: 'failed', error: { code } });
      expect(events).toHaveLength(1);
    });

    it.each(['TASK_FAILED', 'TASK_CANCELLED'] as const)(
      'stays inside the limits of an event with a long text (%s)',
      async (code) => {
        const text = 'x'.repeat(1_000_000);
        const fixture = new RunFixture(never).start();
        fixture.run.stop(code === 'TASK_FAILED' ? 'failed' : 'cancelled', new TaskError(code, text));
        expect(fixture.info.bufferedBytes).toBeLessThan(1_024 + 1_024);
        const exposing = await ended(() => Promise.reject(new Error(text)), {}, { exposeErrors: true });
        expect(exposing.info.bufferedBytes).toBeLessThan(1_024 + 1_024);
      },
    );

    it('is decided by the first end: later ones are refused', async () => {
      const { run, events } = await ended(() => 1);
      expect(await codeOf(() => run.complete(2))).toBe('TASK_NOT_RUNNING');
      expect(await codeOf(() => run.complete(1n))).toBe('TASK_NOT_RUNNING');
      expect(await codeOf(() => run.fail(boom))).toBe('TASK_NOT_RUNNING');
      expect(run.stop('cancelled', new TaskError('TASK_CANCELLED', 'Stop'))).toBe(false);
      expect(events).toHaveLength(1);
    });

    it('can be given from outside while the job runs on, and does not abort it', async () => {
      let context: TaskContext | undefined;
      const fixture = new RunFixture((given) => ((context = given), never(given, '', given.updateProgress))).start();
      await turn();
      await fixture.run.complete('from outside');
      expect(fixture.info).toMatchObject({ status: 'completed', result: 'from outside' });
      expect(context?.signal.aborted).toBe(false);
    });

    it('reports the error of the job also where the store does not take the end', async () => {
      const { run, observer } = new RunFixture(() => Promise.reject(boom));
      const down = new TaskError('STORE_UNAVAILABLE', 'down');
      jest.spyOn(run.writer, 'finish').mockRejectedValue(down);
      run.start();
      await run.settled;
      expect(observer.errors).toEqual([boom, down]);
    });

    it('reports what a job throws after it was ended from outside', async () => {
      let fail: ((error: Error) => void) | undefined;
      const fixture = new RunFixture(() => new Promise((_, reject) => (fail = reject))).start();
      await turn();
      await fixture.run.complete(1);
      fail?.(boom);
      await turn();
      expect(fixture.observer.errors).toEqual([boom]);
      expect(fixture.events).toHaveLength(1);
    });
  });
});
