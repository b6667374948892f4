import type { TaskFeed } from '../../../lib/core/ports.js';
import { endless, EngineFixture } from '../../support/jobs/engine-fixture.js';
import { isCollected } from '../../support/processes/garbage.js';
import { sharedMemory } from '../../support/stores/memory-stores.js';
import { turn } from '../../support/jobs/run-fixture.js';

const SWEEP = { sweepIntervalMs: 100 };

describe('An engine', () => {
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
      expect(await fixture.statusOf(taskId)).toBe('running');
      await pass(fixture, 100);
      expect(await fixture.statusOf(taskId)).toEqual(['cancelled', 'TASK_ABANDONED']);
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
      expect(await fixture.statusOf(taskId)).toBe('running');
      await pass(fixture, 100);
      expect(await fixture.statusOf(taskId)).toEqual(['cancelled', 'TASK_ABANDONED']);
    });

    it('cancels it at once for 0, but gives its first subscriber time to come', async () => {
      const fixture = new EngineFixture({ ...SWEEP, abandonAfterMs: 0 });
      const [lonely, watched] = [await fixture.start(endless), await fixture.start(endless)];
      const feed = await attached(fixture, watched.taskId);
      expect(await fixture.statusOf(lonely.taskId)).toBe('running');
      await pass(fixture, 1_000);
      expect(await fixture.statusOf(lonely.taskId)).toEqual(['cancelled', 'TASK_ABANDONED']);
      expect(await fixture.statusOf(watched.taskId)).toBe('running');
      feed.leave(undefined, 0);
      expect(await fixture.statusOf(watched.taskId)).toEqual(['cancelled', 'TASK_ABANDONED']);
    });

    it('lets it run for ever with Infinity', async () => {
      const fixture = new EngineFixture({ sweepIntervalMs: 10 ** 9, abandonAfterMs: Infinity });
      const { taskId } = await fixture.start(endless, { timeoutMs: Infinity });
      (await attached(fixture, taskId)).leave(undefined, 0);
      fixture.clock.advance(10 ** 10);
      await turn();
      expect(await fixture.statusOf(taskId)).toBe('running');
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
    expect(await fixture.statusOf(taskId)).toEqual(['cancelled', 'TASK_ABANDONED']);
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
        expect(await fixture.statusOf(taskId)).toEqual(['completed', undefined]);
        return input;
      });
      expect(collected).toBe(true);
    }
  });
});
