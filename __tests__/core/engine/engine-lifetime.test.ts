import type { TaskFeed, TaskStore } from '../../../lib/core/ports.js';
import type { AsyncTask } from '../../../lib/core/task/task.js';
import { controlledJob } from '../../support/controlled-job.js';
import { endless, EngineFixture } from '../../support/engine-fixture.js';
import { isCollected } from '../../support/garbage.js';
import { asShared, sharedMemory } from '../../support/memory-stores.js';
import { turn } from '../../support/run-fixture.js';
import { codeOf } from '../../support/store-fixtures.js';

const SWEEP = { sweepIntervalMs: 100 };

describe('An engine', () => {
  const statusOf = async ({ engine }: EngineFixture, taskId: string): Promise<unknown> => {
    const { status, outcome } = await engine.find({ taskId });
    return outcome === undefined ? status : [status, (JSON.parse(outcome) as { code?: string }).code];
  };
  const attached = async (fixture: EngineFixture, taskId: string): Promise<TaskFeed> => {
    const feed = await fixture.open(taskId);
    feed.join(undefined);
    return feed;
  };
  /** Time in steps of the sweeper, which looks at the store in between. */
  const pass = async ({ clock }: EngineFixture, ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += SWEEP.sweepIntervalMs) {
      clock.advance(SWEEP.sweepIntervalMs);
      await turn();
    }
  };

  describe('with nobody attached to a task', () => {
    it('cancels it after abandonAfterMs, counted from its start', async () => {
      const fixture = new EngineFixture({ ...SWEEP, abandonAfterMs: 1_000 });
      const { taskId } = await fixture.start(endless);
      await pass(fixture, 900);
      expect(await statusOf(fixture, taskId)).toBe('running');
      await pass(fixture, 100);
      expect(await statusOf(fixture, taskId)).toEqual(['cancelled', 'TASK_ABANDONED']);
    });

    it('counts anew from when the last one left', async () => {
      const fixture = new EngineFixture({ ...SWEEP, abandonAfterMs: 1_000 });
      const { taskId } = await fixture.start(endless);
      await pass(fixture, 900);
      const [one, other] = [await attached(fixture, taskId), await attached(fixture, taskId)];
      await pass(fixture, 5_000);
      one.leave(undefined, 0);
      await pass(fixture, 5_000);
      other.leave(undefined, 0);
      await pass(fixture, 900);
      expect(await statusOf(fixture, taskId)).toBe('running');
      await pass(fixture, 100);
      expect(await statusOf(fixture, taskId)).toEqual(['cancelled', 'TASK_ABANDONED']);
    });

    it('cancels it at once for 0, but gives its first subscriber time to come', async () => {
      const fixture = new EngineFixture({ ...SWEEP, abandonAfterMs: 0 });
      const [lonely, watched] = [await fixture.start(endless), await fixture.start(endless)];
      const feed = await attached(fixture, watched.taskId);
      expect(await statusOf(fixture, lonely.taskId)).toBe('running');
      await pass(fixture, 1_000);
      expect(await statusOf(fixture, lonely.taskId)).toEqual(['cancelled', 'TASK_ABANDONED']);
      expect(await statusOf(fixture, watched.taskId)).toBe('running');
      feed.leave(undefined, 0);
      expect(await statusOf(fixture, watched.taskId)).toEqual(['cancelled', 'TASK_ABANDONED']);
    });

    it('lets it run for ever with Infinity', async () => {
      const fixture = new EngineFixture({ sweepIntervalMs: 10 ** 9, abandonAfterMs: Infinity });
      const { taskId } = await fixture.start(endless, { timeoutMs: Infinity });
      (await attached(fixture, taskId)).leave(undefined, 0);
      fixture.clock.advance(10 ** 10);
      await turn();
      expect(await statusOf(fixture, taskId)).toBe('running');
    });
  });

  it('runs one timer while it keeps anything, and none after that', async () => {
    const fixture = new EngineFixture({ ...SWEEP, ttlMs: 300 });
    expect(fixture.clock.timers).toBe(0);
    await fixture.start(() => 1);
    await turn();
    expect(fixture.clock.periods).toEqual([100]);
    await pass(fixture, 1_000);
    expect(fixture.clock.timers).toBe(0);
    expect(fixture.engine.store.sizes()).toEqual({ finished: 0, tombstones: 0, bufferedBytes: 0 });
    await fixture.start(() => 1);
    await turn();
    expect(fixture.clock.periods).toEqual([100]);
  });

  it('goes on sweeping while it runs anything, whatever its store keeps', async () => {
    const { store } = sharedMemory((memory) => jest.spyOn(memory, 'sweep').mockReturnValue(false));
    const fixture = new EngineFixture({ ...SWEEP, store, abandonAfterMs: 1_000 });
    const { taskId } = await fixture.start(endless);
    await pass(fixture, 1_000);
    expect(await statusOf(fixture, taskId)).toEqual(['cancelled', 'TASK_ABANDONED']);
    await pass(fixture, 100);
    expect(fixture.clock.timers).toBe(0);
  });

  it('goes on sweeping when its store fails once', async () => {
    const sweeps = jest
      .fn<boolean, []>(() => true)
      .mockImplementationOnce(() => {
        throw new Error('down');
      });
    const { store } = sharedMemory((memory) => {
      const sweep = memory.sweep.bind(memory);
      memory.sweep = () => sweeps() && sweep();
    });
    const fixture = new EngineFixture({ ...SWEEP, store, ttlMs: 300 });
    await fixture.start(() => 1);
    await pass(fixture, 1_000);
    expect(sweeps.mock.calls.length).toBeGreaterThan(3);
    expect(fixture.clock.timers).toBe(0);
  });

  it('lets go of the input of a task when it ends, and of what its job holds', async () => {
    const fixture = new EngineFixture();
    const snapshot = { initial: () => 0, reduce: (state: unknown) => state };
    for (const more of [{}, { snapshot }]) {
      const collected = await isCollected(async () => {
        const input = { upload: 'large' };
        const { taskId } = await fixture.start(({ input: given }) => given, { input, ...more });
        await turn();
        expect(await statusOf(fixture, taskId)).toEqual(['completed', undefined]);
        return input;
      });
      expect(collected).toBe(true);
    }
  });

  describe('that is stopped', () => {
    const heeding: AsyncTask = ({ signal }) =>
      new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
      });

    it.each([heeding, endless])('cancels what runs with SHUTDOWN, whether or not it heeds its signal', async (job) => {
      const fixture = new EngineFixture();
      const { taskId } = await fixture.start(job);
      await turn();
      await fixture.engine.stop(0);
      expect(await statusOf(fixture, taskId)).toEqual(['cancelled', 'SHUTDOWN']);
      expect(fixture.errors).toEqual([]);
      expect(fixture.clock.timers).toBe(0);
    });

    it('refuses new work, also while it waits', async () => {
      const fixture = new EngineFixture();
      await fixture.start(endless);
      const stopped = fixture.engine.stop(1_000);
      expect(await codeOf(() => fixture.start(endless))).toBe('SHUTDOWN');
      expect(await codeOf(() => fixture.engine.admit())).toBe('SHUTDOWN');
      fixture.clock.advance(1_000);
      await stopped;
      expect(await codeOf(() => fixture.start(endless))).toBe('SHUTDOWN');
    });

    it('gives what runs graceMs, and cancels the rest then', async () => {
      const fixture = new EngineFixture();
      const quick = controlledJob();
      const [one, other] = [await fixture.start(quick.job), await fixture.start(endless)];
      const run = await quick.run();
      let over = false;
      const stopped = fixture.engine.stop(500).then(() => (over = true));
      fixture.clock.advance(499);
      run.finish('in time');
      await turn();
      expect(over).toBe(false);
      expect(await statusOf(fixture, one.taskId)).toEqual(['completed', undefined]);
      expect(await statusOf(fixture, other.taskId)).toBe('running');
      fixture.clock.advance(1);
      await stopped;
      expect(await statusOf(fixture, other.taskId)).toEqual(['cancelled', 'SHUTDOWN']);
    });

    it('waits no longer than the last task runs', async () => {
      const fixture = new EngineFixture();
      const last = controlledJob();
      await fixture.start(last.job);
      const run = await last.run();
      const stopped = fixture.engine.stop(Infinity);
      run.finish();
      await stopped;
      expect(fixture.clock.timers).toBe(0);
    });

    it('resolves at once when nothing runs', async () => {
      const fixture = new EngineFixture();
      await fixture.start(() => 1);
      await turn();
      await fixture.engine.stop(60_000);
      expect(fixture.clock.timers).toBe(0);
    });

    it('counts what it hands over as started, and as nothing else', async () => {
      const sharing = sharedMemory(asShared);
      const fixture = new EngineFixture({ store: sharing.store, onLost: 'restart' });
      const { engine } = fixture;
      const { taskId } = await fixture.start(endless);
      await engine.stop(0);
      expect(sharing.memory.find({ taskId })).toMatchObject({ status: 'running', orphaned: true });
      expect(engine.counts).toEqual({ started: 1, completed: 0, failed: 0, cancelled: 0 });
      expect(engine.running).toBe(0);
    });

    /** A store that answers `create` when it is told to. */
    const slowStore = (): { store: TaskStore; answer: () => void } => {
      let answer = (): void => undefined;
      const { store } = sharedMemory((memory) => {
        const create = memory.create.bind(memory);
        jest.spyOn(memory, 'create').mockImplementation((...args) => {
          const released = new Promise<void>((resolve) => (answer = resolve));
          return released.then(() => create(...args)) as never;
        });
      });
      return { store, answer: () => answer() };
    };

    it('cancels a task that the store was still asked for', async () => {
      const { store, answer } = slowStore();
      const fixture = new EngineFixture({ store });
      const job = jest.fn(endless);
      const starting = fixture.start(job);
      const stopped = fixture.engine.stop(0);
      await turn();
      answer();
      const { taskId } = await starting;
      await stopped;
      await turn();
      expect(await statusOf(fixture, taskId)).toEqual(['cancelled', 'SHUTDOWN']);
      expect(job).not.toHaveBeenCalled();
    });

    it('cancels a task that the store creates only after the stop', async () => {
      const { store, answer } = slowStore();
      const fixture = new EngineFixture({ store });
      const job = jest.fn(endless);
      const starting = codeOf(() => fixture.start(job, { idempotencyKey: 'late' }));
      fixture.clock.advance(2_000);
      expect(await starting).toBe('STORE_UNAVAILABLE');
      await fixture.engine.stop(0);
      answer();
      await turn();
      const found = await fixture.engine.findRepeated('late', undefined, undefined);
      expect(await statusOf(fixture, found!.taskId)).toEqual(['cancelled', 'SHUTDOWN']);
      expect(job).not.toHaveBeenCalled();
    });

    it('does not wait for a start that came to nothing', async () => {
      let refuse: (error: Error) => void = () => undefined;
      const pending = new Promise<never>((_, reject) => (refuse = reject));
      const { store } = sharedMemory((memory) => jest.spyOn(memory, 'create').mockReturnValue(pending as never));
      const fixture = new EngineFixture({ store });
      const starting = codeOf(() => fixture.start(endless));
      const stopped = fixture.engine.stop(60_000);
      refuse(new Error('down'));
      await starting;
      await stopped;
      expect(fixture.clock.timers).toBe(0);
    });
  });
});
