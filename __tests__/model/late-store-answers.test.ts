import { TaskError } from '../../lib/index.js';
import { fakeRequest } from '../support/sse/memory-response.js';
import { IDLE_TIMERS, dataOf, outcomeOf, setUp, guardProcess } from './gated-store.js';
import { turns } from './property.js';

const guard = guardProcess();

describe('a store that answers late or twice', () => {
  it('whose answer to a start comes too late keeps no task that nobody runs', async () => {
    const { gate, clock, store, manager, job, ran } = setUp();
    gate.hold('create');
    const started = outcomeOf(manager.startTask(fakeRequest('/job'), job));
    await turns(2);
    clock.advance(500);
    expect(await started).toBe('STORE_UNAVAILABLE');
    await gate.release('create');
    const [task] = await manager.listTasks();
    expect(store.recordOf(task!.taskId)?.status).toBe('failed');
    expect(ran()).toBe(false);
    expect(manager.getStatistics().running).toBe(0);
  });

  it('may report a cancellation twice, and after the end', async () => {
    const { store, start, watch } = setUp();
    const { resumeKey, context } = await start();
    const { wire } = await watch(resumeKey);
    const reason = { code: 'TASK_CANCELLED', message: 'enough' };
    store.executor!.cancelRequested(reason);
    store.executor!.cancelRequested({ ...reason, message: 'again' });
    await turns(4);
    store.executor!.cancelRequested(reason);
    store.executor!.fenced(new TaskError('FENCED', 'late'));
    await turns(4);
    expect(wire.events.map(({ event }) => event)).toEqual(['task', 'cancelled']);
    expect(context.signal.reason).toMatchObject({ code: 'TASK_CANCELLED', message: 'enough' });
  });

  it('may report a cancellation before it answers the start', async () => {
    const { gate, clock, store, manager, job, ran } = setUp();
    gate.hold('answer to create');
    const started = manager.startTask(fakeRequest('/job'), job);
    await turns(2);
    store.cancelNewest('changed my mind');
    await gate.release('answer to create');
    const { taskId } = await started;
    expect(store.recordOf(taskId)).toMatchObject({ status: 'cancelled' });
    expect({ ran: ran(), running: manager.getStatistics().running }).toEqual({ ran: false, running: 0 });
    expect(clock.periods).toHaveLength(clock.timers); // nothing but the sweeper
  });

  it('may report a take-over before it answers the start', async () => {
    const { gate, clock, store, manager, job, ran } = setUp();
    gate.hold('answer to create');
    const started = manager.startTask(fakeRequest('/job'), job);
    await turns(2);
    store.takeNewest();
    await gate.release('answer to create');
    await started;
    expect({ ran: ran(), running: manager.getStatistics().running }).toEqual({ ran: false, running: 0 });
    expect(store.committed).toEqual([]);
    expect(clock.periods).toHaveLength(clock.timers);
  });

  it('may report a subscriber elsewhere before it answers the start: the task is not abandoned', async () => {
    const { gate, clock, store, manager, job } = setUp({ abandonAfterMs: 1_000, sweepIntervalMs: 100 });
    gate.hold('answer to create');
    const started = manager.startTask(fakeRequest('/job'), job);
    await turns(2);
    store.newest.join(undefined);
    await gate.release('answer to create');
    const { taskId } = await started;
    clock.advance(1_200);
    await turns(4);
    expect(store.recordOf(taskId)).toMatchObject({ status: 'running' });
    store.newest.leave(undefined, 0);
    clock.advance(1_200);
    await turns(4);
    expect(store.recordOf(taskId)).toMatchObject({ status: 'cancelled' });
  });

  it('forgets a task in time that came and went while it was sweeping', async () => {
    const { gate, clock, store, start } = setUp({ ttlMs: 1_000, sweepIntervalMs: 100 });
    const first = await start();
    first.finish();
    await turns(3);
    for (let n = 0; store.sizes().tombstones + store.sizes().finished > 0; n++) {
      gate.hold('answer to sweep');
      clock.advance(100);
      await turns(3);
      if (store.sizes().tombstones + store.sizes().finished > 0) await gate.release('answer to sweep');
    }
    // The store was empty when it swept, and is not any more when its answer arrives.
    const second = await start();
    second.finish();
    await turns(3);
    await gate.release('answer to sweep');
    for (let n = 0; n < 25; n++) {
      clock.advance(100);
      await turns(2);
    }
    expect(store.recordOf(second.taskId)).toBeUndefined();
    expect(clock.timers).toBe(IDLE_TIMERS);
  });
});

describe('a task that another instance has taken over', () => {
  it('has its signal aborted with FENCED and writes nothing more', async () => {
    const { store, manager, start, watch } = setUp();
    const { taskId, resumeKey, context, finish } = await start();
    const { wire } = await watch(resumeKey);
    await context.updateProgress('mine');
    store.fenced = true;
    expect(await outcomeOf(context.updateProgress('too late'))).toBe('FENCED');
    expect(context.signal.reason).toMatchObject({ code: 'FENCED' });
    expect(await outcomeOf(context.updateProgress('much too late'))).toBe('TASK_NOT_RUNNING');
    finish('result');
    await turns(4);
    expect(store.committed).toEqual(['"mine"']);
    expect(dataOf(wire)).toEqual(['"mine"']);
    // What becomes of the task is the other instance's to say.
    expect(store.recordOf(taskId)?.status).toBe('running');
    expect(manager.getStatistics().running).toBe(0);
  });

  it('stops as soon as it is told, with appends still under way', async () => {
    const { gate, store, start } = setUp();
    const { context, finish } = await start();
    gate.hold('append');
    const pending = outcomeOf(context.updateProgress('one'));
    await turns(1);
    store.fenced = true;
    store.executor!.fenced(new TaskError('FENCED', 'Another instance has taken the task over'));
    expect(context.signal.aborted).toBe(true);
    await gate.release('append');
    expect(await pending).toBe('FENCED');
    finish();
    await turns(4);
    expect(store.committed).toEqual([]);
  });
});

describe('an onTaskError hook that throws', () => {
  it('changes nothing for the store, the job and the clients', async () => {
    const { store, start, watch } = setUp({
      onTaskError: () => {
        throw new RangeError('hook');
      },
    });
    const { resumeKey, context, finish } = await start();
    const { wire } = await watch(resumeKey);
    store.fate = () => 'refused';
    expect(await outcomeOf(context.updateProgress('one'))).toBe('STORE_UNAVAILABLE');
    store.fate = () => 'answered';
    await context.updateProgress('two');
    finish(3);
    await turns(4);
    expect(wire.events.map(({ event }) => event)).toEqual(['task', undefined, 'complete']);
    expect(guard.take()).toEqual([expect.stringMatching(/^warning: .*RangeError: hook/)]);
  });
});
