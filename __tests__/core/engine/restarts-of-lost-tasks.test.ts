import type { SnapshotOptions } from '../../../lib/core/run/snapshot.js';
import type { TaskHandler } from '../../../lib/core/run/start-request.js';
import { recordOf, started } from '../../contracts/store-steps.js';
import { endless, EngineFixture } from '../../support/jobs/engine-fixture.js';
import { asShared, sharedMemory } from '../../support/stores/memory-stores.js';
import { turn } from '../../support/jobs/run-fixture.js';
import { codeOf } from '../../support/stores/store-fixtures.js';

/** A task that its instance has given up, and a store that hands it on when it is told to. */
async function orphan() {
  const sharing = sharedMemory(asShared);
  const fixture = new EngineFixture({ store: sharing.store, onLost: 'restart' });
  const store = sharing.memory;
  const { taskId, writer } = await started(store, { handler: 'test' });
  await writer.release();
  const claim = store.claim.bind(store);
  let answer = (): void => undefined;
  jest.spyOn(store, 'claim').mockImplementation((...args) => {
    const told = new Promise<void>((resolve) => (answer = resolve));
    return told.then(() => claim(...args)) as never;
  });
  const job = jest.fn(endless);
  const handler: TaskHandler = {
    ...{ job, handler: 'test', timeoutMs: 60_000, abandonAfterMs: 60_000, snapshot: undefined },
  };
  const found = await recordOf(store, { taskId });
  const restart = (): Promise<void> => fixture.engine.restart(found, handler);
  const { engine, clock } = fixture;
  return { engine, clock, store, taskId, job, handler, found, restart, answer: () => answer() };
}

describe('An engine that runs a task again', () => {
  it('gives it the number of the next attempt', async () => {
    const { engine, store, taskId, job, restart, answer } = await orphan();
    const restarting = restart();
    await turn();
    answer();
    await restarting;
    await turn();
    expect(job).toHaveBeenCalledTimes(1);
    expect(engine.running).toBe(1);
    expect(await recordOf(store, { taskId })).toMatchObject({ attempt: 2, orphaned: false });
  });

  it('leaves it to other instances where the store answered too late', async () => {
    const { engine, clock, store, taskId, job, restart, answer } = await orphan();
    const code = codeOf(restart);
    await turn();
    clock.advance(2_000);
    expect(await code).toBe('STORE_UNAVAILABLE');
    answer();
    await turn();
    expect(await recordOf(store, { taskId })).toMatchObject({ status: 'running', orphaned: true });
    expect([engine.running, job.mock.calls.length]).toEqual([0, 0]);
  });

  it('leaves it to other instances where its handler cannot make the first state of a snapshot', async () => {
    const { engine, store, taskId, handler, found } = await orphan();
    const snapshot: SnapshotOptions = { initial: () => JSON.parse('{'), reduce: () => 0 };
    const warn = jest.spyOn(process, 'emitWarning').mockReturnValue(undefined);
    expect(await codeOf(() => engine.restart(found, { ...handler, snapshot }))).toBe('CALLBACK_FAILED');
    expect(warn).toHaveBeenCalledTimes(1);
    expect(await recordOf(store, { taskId })).toMatchObject({ status: 'running', orphaned: true });
    expect(engine.room).toBe(engine.options.maxRunningTasks);
  });

  it('leaves it to other instances where it was stopped meanwhile', async () => {
    const { engine, store, taskId, job, restart, answer } = await orphan();
    const restarting = restart();
    await turn();
    await engine.stop(0);
    answer();
    await restarting;
    await turn();
    expect(await recordOf(store, { taskId })).toMatchObject({ status: 'running', orphaned: true });
    expect([engine.running, job.mock.calls.length]).toEqual([0, 0]);
  });
});
