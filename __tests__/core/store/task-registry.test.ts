import type { MemoryTask } from '../../../lib/core/store/memory-task.js';
import { isCollected } from '../../support/processes/garbage.js';
import { KIB, RegistryFixture, TTL_MS } from '../../support/stores/registry-fixture.js';

const fixture = new RegistryFixture();
const { add, end, finished, grow, open, statusOf } = fixture;

beforeEach(() => open());

describe('TaskRegistry', () => {
  it('counts running tasks per owner, with those of nobody as a group of their own', () => {
    const [ann] = [add(0, 'ann'), add(0, 'ann'), add()];
    expect(['ann', 'bob', undefined].map((owner) => fixture.registry.runningOf(owner))).toEqual([2, 0, 1]);
    end(ann);
    expect(fixture.registry.runningOf('ann')).toBe(1);
  });

  it('lists running tasks first, then those that have ended', () => {
    const ended = finished();
    const running = add();
    expect([...fixture.registry.values()]).toEqual([running, ended]);
    expect(fixture.registry.sizes).toMatchObject({ finished: 1, tombstones: 0 });
  });

  it('lists the tasks of one owner alone, those that run and those that have ended, as they were started', () => {
    const [first, other, second] = [add(0, 'ann'), add(0, 'bob'), add(0, 'ann')];
    end(first);
    expect([...fixture.registry.values('ann')]).toEqual([first, second]);
    fixture.clock.advance(TTL_MS);
    fixture.registry.sweep();
    expect([...fixture.registry.values('ann')]).toEqual([second]);
    expect([[...fixture.registry.values('bob')], [...fixture.registry.values('eve')]]).toEqual([[other], []]);
  });

  describe('when memory runs out', () => {
    const SEGMENTS = { maxEvents: 10_000, maxBytes: 8 * KIB };
    const BUDGET = 24 * KIB;

    beforeEach(() => {
      open({ log: SEGMENTS, maxBufferedBytes: BUDGET });
    });

    it('forgets the finished task that was not used for longest, and leaves a tombstone', () => {
      const tasks = Array.from({ length: 4 }, () => finished(4));
      fixture.registry.get(tasks[0]!.taskId);
      fixture.registry.find({ resumeKey: tasks[1]!.resumeKey });
      const running = [add(8), add(8)];
      expect(tasks.map(statusOf)).toEqual(['completed', 'completed', 'expired', 'expired']);
      expect(running.map(({ log }) => log.events)).toEqual([8, 8]);
      expect(fixture.registry.sizes.tombstones).toBe(2);
    });

    it('keeps the result of one owner, however many small tasks another has, one after the other', () => {
      const large = end(add(8, 'ann'));
      const nobodys = finished(2);
      for (let n = 0; n < 40; n++) end(add(1, 'eve'));
      expect([large, nobodys].map(statusOf)).toEqual(['completed', 'completed']);
      expect([...fixture.registry.values('eve')].length).toBeGreaterThan(5);
    });

    it('takes memory from the owner who keeps most, not from the one who needs it', () => {
      const hoard = Array.from({ length: 8 }, () => end(add(2, 'eve')));
      const own = Array.from({ length: 2 }, () => end(add(2, 'ann')));
      add(8, 'ann');
      expect(own.map(statusOf)).toEqual(['completed', 'completed']);
      expect(hoard.map(statusOf)).toContain('expired');
    });

    it('tells those who read a forgotten task', () => {
      const old = finished(4);
      expect(old.log.discarded).toBe(false);
      for (let n = 0; n < 3; n++) finished(8);
      expect(old.log).toMatchObject({ discarded: true, capacity: 0 });
    });

    it('never forgets a task that runs, but trims the oldest of all that run, in turns', () => {
      const running = Array.from({ length: 4 }, () => add(6));
      const firsts = (): number[] => running.map(({ log }) => log.firstSeq);
      expect(firsts()).toEqual([1, 1, 1, 1]);
      grow(running[3]!, 1);
      expect(firsts()).toEqual([2, 1, 1, 1]);
      grow(running[3]!, 1);
      expect(firsts()).toEqual([2, 2, 1, 1]);
      grow(running[0]!, 1);
      grow(running[1]!, 1);
      expect(firsts()).toEqual([2, 2, 2, 2]);
      grow(running[2]!, 1);
      expect(firsts()).toEqual([3, 2, 2, 2]);
      expect(running.map(statusOf)).toEqual(['running', 'running', 'running', 'running']);
      expect(fixture.registry.sizes.bufferedBytes).toBe(BUDGET);
    });

    it('takes memory from tasks that keep events, when others keep none', () => {
      const empty = [add(), add()];
      const running = Array.from({ length: 5 }, () => add(8));
      expect(fixture.registry.sizes.bufferedBytes).toBe(BUDGET);
      expect(running.reduce((sum, { log }) => sum + log.events, 0)).toBe(24);
      for (const { log } of empty) expect(log.firstSeq).toBe(1);
    });

    it('finds the only task that keeps events, wherever its turn is', () => {
      open({ log: SEGMENTS, maxBufferedBytes: 4 * KIB });
      const only = add();
      add();
      add();
      for (let n = 1; n <= 12; n++) {
        grow(only, 1);
        expect(fixture.registry.sizes.bufferedBytes).toBe(Math.min(n, 4) * KIB);
      }
    });

    it('leaves a forgotten task to the garbage collector', async () => {
      const forgotten = isCollected(() => {
        const task = finished(4);
        for (let n = 0; n < 3; n++) finished(8);
        expect(statusOf(task)).toBe('expired');
        return task;
      });
      expect(await forgotten).toBe(true);
      expect(fixture.registry.sizes.finished).toBeGreaterThan(0);
    });

    it('takes every finished task before it trims one that runs', () => {
      const ended = [finished(4), finished(4)];
      const running = [add(8), add(8), add(8)];
      expect(ended.map(statusOf)).toEqual(['expired', 'expired']);
      for (const { log } of running) expect(log.firstSeq).toBe(1);
    });

    it('stays within the budget whatever is appended, ends and expires', () => {
      const running: MemoryTask[] = [];
      for (let n = 0; n < 400; n++) {
        if (n % 5 === 0 || running.length === 0) running.push(add());
        grow(running[n % running.length]!, 1 + (n % 7));
        if (n % 11 === 0) end(running.splice(n % running.length, 1)[0]!);
        if (n % 50 === 0) fixture.clock.advance(TTL_MS / 3);
        fixture.registry.sweep();
        const held = [...fixture.registry.values()].reduce((sum, { log }) => sum + log.capacity, 0);
        expect(fixture.registry.sizes.bufferedBytes).toBe(held);
        expect(held).toBeLessThanOrEqual(BUDGET);
      }
    });

    it('bounds the memory that very many small finished tasks take beside their logs', () => {
      for (let n = 0; n < 1_000; n++) finished();
      expect(fixture.registry.sizes.finished).toBeLessThanOrEqual(BUDGET / KIB);
      expect(fixture.registry.sizes.finished).toBeGreaterThan(BUDGET / KIB / 2);
    });

    it('counts the progress, the outcome and the snapshot of what has ended', () => {
      for (const field of ['progress', 'outcome'] as const) {
        open({ log: SEGMENTS, maxBufferedBytes: BUDGET });
        for (let n = 0; n < 10; n++) {
          const task = add();
          task[field] = 'x'.repeat(6 * KIB);
          end(task);
        }
        expect(fixture.registry.sizes.finished).toBe(3);
      }
    });

    it('forgets a task at once that alone is larger than the whole budget', () => {
      const task = add();
      task.outcome = 'x'.repeat(BUDGET);
      end(task);
      expect(statusOf(task)).toBe('expired');
      expect(fixture.registry.sizes).toEqual({ finished: 0, tombstones: 1, bufferedBytes: 0 });
      fixture.clock.advance(TTL_MS);
      expect(fixture.registry.sweep()).toBe(false);
    });
  });
});
