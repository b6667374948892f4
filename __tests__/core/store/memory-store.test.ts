import { describeTaskStore } from '../../contracts/task-store.js';
import { reading, recordOf, started, TTL_MS } from '../../contracts/store-steps.js';
import { ManualClock } from '../../support/clock/manual-clock.js';
import { openMemory } from '../../support/stores/memory-stores.js';

describeTaskStore('memory', (limits) => {
  const clock = new ManualClock();
  const store = openMemory({ clock, ttlMs: TTL_MS, ...limits });
  return { store, peer: store, advance: (ms) => clock.advance(ms), close: () => undefined };
});

describe('MemoryStore', () => {
  const open = openMemory;

  it('is not shared', () => {
    expect(open().shared).toBe(false);
  });

  it('answers at once, so that a job which does not wait costs no promise', async () => {
    const store = open();
    const { writer } = await started(store);
    expect(writer.append(undefined, '1')).toBeUndefined();
    expect(writer.finish('completed', '{}')).toBeUndefined();
  });

  it('tells the old executor when its task is claimed', async () => {
    const store = open();
    const { taskId, executor } = await started(store);
    store.open(taskId)!.record.orphaned = true;
    expect(executor.fences).toEqual([]);
    store.claim(taskId);
    expect(executor.fences).toMatchObject([{ code: 'FENCED' }]);
  });

  it('counts the input of a task, which it keeps only while the task runs', async () => {
    const store = open();
    const { taskId, writer } = await started(store, { handler: 'test', input: JSON.stringify('x'.repeat(60_000)) });
    expect(store.sizes().bufferedBytes).toBeGreaterThan(60_000);
    await writer.append(undefined, '1');
    expect(store.sizes().bufferedBytes).toBeGreaterThan(60_000);
    await writer.finish('completed', '{}');
    expect(store.sizes().bufferedBytes).toBeLessThan(10_000);
    expect(store.open(taskId)!.record.input).toBeUndefined();
  });

  it('lets go of the executor at the end, with everything its closures hold', async () => {
    const store = open();
    const { taskId, writer, executor } = await started(store, { snapshot: () => '1' });
    await writer.finish('completed', '{}');
    const reader = await reading(store, taskId);
    reader.close();
    expect(executor.audiences).toEqual([]);
    expect(store.open(taskId)!.snapshot()).toEqual({ seq: 0, json: '1' });
  });

  it('measures retention by the monotonic clock: a jump of the wall clock expires nothing and keeps nothing', async () => {
    const clock = new ManualClock();
    let jumpMs = 0;
    const jumping = { now: () => clock.now(), wallNow: () => clock.wallNow() + jumpMs };
    const store = open({ ttlMs: TTL_MS, clock: Object.assign(Object.create(clock) as ManualClock, jumping) });
    const { taskId, writer } = await started(store);
    await writer.finish('completed', '{}');
    clock.advance(TTL_MS - 1);
    for (jumpMs of [-86_400_000, 3_600_000, 86_400_000]) {
      store.sweep();
      const { expiresAtMs } = await recordOf(store, { taskId });
      expect(expiresAtMs).toBe(jumping.wallNow() + 1);
    }
    jumpMs = -86_400_000;
    clock.advance(1);
    store.sweep();
    expect(store.find({ taskId })).toMatchObject({ status: 'expired' });
  });

  it('remembers where the last thousand subscribers of a task left off, and no more', async () => {
    const store = open();
    const { taskId } = await started(store);
    const feed = store.open(taskId)!;
    for (let n = 0; n <= 1_000; n++) {
      feed.join(`s${n}`);
      feed.leave(`s${n}`, n);
    }
    expect(store.departedAt(taskId, 's0')).toBeUndefined();
    expect(store.departedAt(taskId, 's1')).toBe(1);
    feed.join('s1');
    feed.leave('s1', 7);
    feed.join('new');
    feed.leave('new', 8);
    expect(store.departedAt(taskId, 's1')).toBe(7);
    expect(store.departedAt(taskId, 's2')).toBeUndefined();
  });
});
