import type { TaskStore } from '../../../lib/core/ports.js';
import type { AsyncTask } from '../../../lib/core/task/task.js';
import { controlledJob } from '../../support/jobs/controlled-job.js';
import { endless, EngineFixture } from '../../support/jobs/engine-fixture.js';
import { asShared, sharedMemory } from '../../support/stores/memory-stores.js';
import { turn } from '../../support/jobs/run-fixture.js';
import { codeOf } from '../../support/stores/store-fixtures.js';

describe('An engine that is stopped', () => {
  const heeding: AsyncTask = ({ signal }) =>
    new Promise((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    });

  it.each([heeding, endless])('cancels what runs with SHUTDOWN, whether or not it heeds its signal', async (job) => {
    const fixture = new EngineFixture();
    const { taskId } = await fixture.start(job);
    await turn();
    await fixture.engine.stop(0);
    expect(await fixture.statusOf(taskId)).toEqual(['cancelled', 'SHUTDOWN']);
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

  it('lets running tasks end within graceMs, and then cancels the rest', async () => {
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
    expect(await fixture.statusOf(one.taskId)).toEqual(['completed', undefined]);
    expect(await fixture.statusOf(other.taskId)).toBe('running');
    fixture.clock.advance(1);
    await stopped;
    expect(await fixture.statusOf(other.taskId)).toEqual(['cancelled', 'SHUTDOWN']);
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

  it('gives the same time to jobs that run on after the end of their tasks', async () => {
    const fixture = new EngineFixture();
    const late = controlledJob();
    const { taskId } = await fixture.start(late.job);
    const run = await late.run();
    await fixture.engine.cancel(taskId, 'No longer wanted');
    let over = false;
    const stopped = fixture.engine.stop(500).then(() => (over = true));
    fixture.clock.advance(499);
    await turn();
    expect([over, fixture.engine.settling.size]).toEqual([false, 1]);
    run.finish();
    await stopped;
    expect(fixture.engine.settling.size).toBe(0);
  });

  it('resolves at once when nothing runs', async () => {
    const fixture = new EngineFixture();
    await fixture.start(() => 1);
    await turn();
    await fixture.engine.stop(60_000);
    expect(fixture.clock.timers).toBe(0);
  });

  it('counts a task that it hands over as started, and as nothing else', async () => {
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
    expect(await fixture.statusOf(taskId)).toEqual(['cancelled', 'SHUTDOWN']);
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
    expect(await fixture.statusOf(found!.taskId)).toEqual(['cancelled', 'SHUTDOWN']);
    expect(job).not.toHaveBeenCalled();
  });

  it('does not wait for a start that was refused', async () => {
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
