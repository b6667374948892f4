import { TaskError } from '../../../lib/core/errors.js';
import type { AsyncTask, TaskContext } from '../../../lib/core/task/task.js';
import { controlledJob } from '../../support/jobs/controlled-job.js';
import { RunFixture, turn } from '../../support/jobs/run-fixture.js';
import { codeOf } from '../../support/stores/store-fixtures.js';

const STOP = new TaskError('TASK_CANCELLED', 'Stop');
const never: AsyncTask = () => new Promise(() => undefined);

/** A job that ends as soon as its signal aborts, in its own way. */
const heeding =
  (
    end: (context: TaskContext, resolve: (value: unknown) => void, reject: (error: unknown) => void) => void,
  ): AsyncTask =>
  (context) =>
    new Promise((resolve, reject) => {
      context.signal.addEventListener('abort', () => end(context, resolve, reject), { once: true });
    });

const started = async (job: AsyncTask, ...rest: [object?, object?]): Promise<RunFixture> => {
  const fixture = new RunFixture(job, ...rest).start();
  await turn();
  return fixture;
};

describe('Run', () => {
  describe('that is stopped', () => {
    it('settles at once, then aborts the signal with the reason', async () => {
      let seen: unknown[] = [];
      const fixture = await started(
        heeding(({ signal }) => (seen = [signal.reason, fixture.info.status, fixture.events.length])),
      );
      expect(fixture.run.stop('cancelled', STOP)).toBe(true);
      expect(seen).toEqual([STOP, 'cancelled', 1]);
      expect(fixture.said).toEqual([
        ['cancelled', { task_id: 'task-1', status: 'cancelled', code: 'TASK_CANCELLED', reason: 'Stop' }],
      ]);
      expect(fixture.run.stop('cancelled', STOP)).toBe(false);
    });

    it('shows the reason as an error where it is stopped as failed', async () => {
      const fixture = await started(never);
      fixture.run.stop('failed', new TaskError('TASK_LOST', 'Its instance died'));
      expect(fixture.said).toEqual([
        ['failed', { task_id: 'task-1', status: 'failed', error: { code: 'TASK_LOST', message: 'Its instance died' } }],
      ]);
    });

    const ECHOES: [string, Parameters<typeof heeding>[0]][] = [
      ['returns', (_, resolve) => resolve('late')],
      ['throws the reason', ({ signal }, _, reject) => reject(signal.reason)],
      ['throws an AbortError', (_, __, reject) => reject(new DOMException('Aborted', 'AbortError'))],
      [
        'throws what its late progress was refused with',
        ({ updateProgress }, resolve, reject) => void updateProgress(1).then(resolve, reject),
      ],
    ];

    it.each(ECHOES)('reports nothing when the job %s because of it', async (_, end) => {
      const fixture = await started(heeding(end));
      fixture.run.stop('cancelled', STOP);
      await turn();
      expect(fixture.observer).toMatchObject({ errors: [], settlements: ['cancelled'] });
      expect(fixture.events).toHaveLength(1);
    });

    it('reports what a job throws while it stops that cannot even be looked at', async () => {
      const hostile = Object.defineProperty({}, 'name', {
        get: () => {
          throw new Error('It has no name');
        },
      });
      const fixture = await started(heeding((_context, _resolve, reject) => reject(hostile)));
      fixture.run.stop('cancelled', STOP);
      await turn();
      expect([fixture.observer.errors.length, fixture.observer.jobsSettled]).toEqual([1, 1]);
      expect(fixture.observer.errors[0] === hostile).toBe(true); // a matcher would look at it
    });

    it('reports what a job throws of its own while it stops', async () => {
      const broken = new Error('The clean-up failed');
      const { run, observer } = await started(heeding((_, __, reject) => reject(broken)));
      run.stop('cancelled', STOP);
      await turn();
      expect(observer.errors).toEqual([broken]);
    });

    it('is over for everybody although the job ignores its signal', async () => {
      const controlled = controlledJob();
      const fixture = await started(controlled.job);
      const job = await controlled.run();
      fixture.run.stop('cancelled', STOP);
      await fixture.run.ended;
      expect(await codeOf(() => job.context.updateProgress(1))).toBe('TASK_NOT_RUNNING');
      expect(await codeOf(() => job.context.emit('late', 1))).toBe('TASK_NOT_RUNNING');
      job.finish('late');
      await turn();
      expect(fixture.events).toHaveLength(1);
      expect(fixture.observer).toMatchObject({ errors: [], settlements: ['cancelled'] });
    });

    it('tells its manager nothing of an audience any more', async () => {
      const fixture = await started(never);
      fixture.run.stop('cancelled', STOP);
      fixture.run.audienceChanged(1);
      fixture.run.audienceChanged(0);
      expect(fixture.observer.audiences).toEqual([]);
    });

    it('never runs a job that had not begun', async () => {
      const job = jest.fn(never);
      const fixture = new RunFixture(job).start();
      fixture.run.stop('cancelled', STOP);
      await turn();
      expect(job).not.toHaveBeenCalled();
      expect(fixture.info.status).toBe('cancelled');
    });

    it('ends as soon as the store answers, where it was stopped before', async () => {
      const job = jest.fn(never);
      const fixture = new RunFixture(job);
      fixture.run.cancelRequested({ code: 'TASK_CANCELLED', message: 'Stop' });
      fixture.start();
      await turn();
      expect(fixture.info.status).toBe('cancelled');
      expect(fixture.said).toEqual([['cancelled', expect.objectContaining({ reason: 'Stop' })]]);
      expect(job).not.toHaveBeenCalled();
    });

    it('names the cause where another instance has asked for it', async () => {
      const fixture = await started(never);
      expect(fixture.store.requestCancel('task-1', { code: 'TASK_CANCELLED', message: 'Enough' })).toBe(true);
      expect(fixture.info).toMatchObject({ status: 'cancelled', error: { code: 'TASK_CANCELLED', message: 'Enough' } });
    });
  });

  describe('with a time-out', () => {
    it('fails the task when its time is over and not before, and aborts with TASK_TIMEOUT', async () => {
      let reason: unknown;
      const fixture = await started(
        heeding(({ signal }) => (reason = signal.reason)),
        { timeoutMs: 500 },
      );
      fixture.clock.advance(499);
      expect(fixture.info.status).toBe('running');
      fixture.clock.advance(1);
      expect(fixture.info).toMatchObject({
        ...{ status: 'failed', error: { code: 'TASK_TIMEOUT', message: 'The task took longer than 500 ms' } },
      });
      expect(reason).toMatchObject({ code: 'TASK_TIMEOUT' });
      expect(fixture.observer.errors).toEqual([]);
    });

    it('keeps no timer once the task has ended', async () => {
      const fixture = new RunFixture(() => 1).start();
      expect(fixture.clock.timers).toBe(1);
      await fixture.run.ended;
      expect(fixture.clock.timers).toBe(0);
    });

    it('has no end of time for Infinity', async () => {
      const fixture = await started(never, { timeoutMs: Infinity });
      fixture.clock.advance(Number.MAX_SAFE_INTEGER);
      expect(fixture.info.status).toBe('running');
    });
  });

  describe('that is released', () => {
    it('is over here without an outcome, and leaves the task to another instance', async () => {
      let reason: unknown;
      const fixture = await started(heeding(({ signal }, _, reject) => reject((reason = signal.reason))));
      fixture.run.release(STOP);
      await fixture.run.ended;
      expect(reason).toBe(STOP);
      expect([fixture.events, fixture.info.status]).toEqual([[], 'running']);
      expect(fixture.observer).toMatchObject({ settlements: [undefined], errors: [] });
      expect(fixture.clock.timers).toBe(0);
      expect(fixture.store.claim('task-1')).toBeDefined();
    });
  });

  describe('that is released to a store which refuses that at once', () => {
    it('is over here all the same, and reports it', async () => {
      const fixture = await started(() => new Promise(() => undefined));
      const refusal = new TaskError('STORE_UNAVAILABLE', 'down');
      jest.spyOn(fixture.run.writer, 'release').mockImplementation(() => {
        throw refusal;
      });
      fixture.run.release(STOP);
      await fixture.run.ended;
      expect(fixture.observer.errors).toEqual([refusal]);
    });
  });

  describe('that is fenced', () => {
    it('appends nothing, aborts with FENCED, and is over', async () => {
      let reason: unknown;
      const fixture = await started(heeding(({ signal }, _, reject) => reject((reason = signal.reason))));
      fixture.store.open('task-1')!.record.orphaned = true;
      const takeover = fixture.store.claim('task-1');
      expect(takeover?.writer.record.attempt).toBe(2);
      await fixture.run.ended;
      expect(reason).toMatchObject({ code: 'FENCED' });
      expect(fixture.events).toEqual([]);
      expect(fixture.info.status).toBe('running');
      expect(fixture.clock.timers).toBe(0);
      await turn();
      expect(fixture.observer.errors).toEqual([]);
      expect(await codeOf(() => fixture.run.updateProgress(1))).toBe('TASK_NOT_RUNNING');
    });

    it('learns it at its next event at the latest', async () => {
      const fixture = await started(never);
      fixture.store.open('task-1')!.record.token++;
      expect(await codeOf(() => fixture.run.updateProgress(1))).toBe('FENCED');
      await fixture.run.ended;
      expect(await codeOf(() => fixture.run.updateProgress(1))).toBe('TASK_NOT_RUNNING');
    });
  });
});
