import { TimeLimit } from '../../lib/core/store/time-limit.js';
import type { Batch, Fate } from '../../lib/distributed/port/calls.js';
import { Appender } from '../../lib/distributed/writing/appender.js';
import { batchOf, entryAfter } from '../../lib/testing/driver-contract/steps.js';
import { ManualClock } from '../support/clock/manual-clock.js';

const START = { token: 0, seq: 0, bytes: 0 };

/** A batch whose events take `bytes`. */
const batch = (taskId: string, bytes: number): Batch => batchOf(taskId, [{ ...entryAfter(START, ['1']), bytes }]);

describe('What the tasks of an instance append in one turn', () => {
  let calls: string[][];
  let appender: Appender;
  const settled: [taskId: string, kind: Fate['kind']][] = [];
  const writer = { settled: ({ taskId }: Batch, { kind }: Fate) => void settled.push([taskId, kind]) };

  beforeEach(() => {
    calls = [];
    const append = (batches: readonly Batch[]): Promise<Fate>[] => {
      calls.push(batches.map(({ taskId }) => taskId));
      return batches.map(() => Promise.resolve({ kind: 'committed' }));
    };
    appender = new Appender({ append }, new TimeLimit(new ManualClock(), 1_000));
  });

  it('is one call where it is little', async () => {
    for (const taskId of ['a', 'b', 'c']) appender.add(writer, batch(taskId, 100));
    expect(calls).toEqual([]);
    await Promise.resolve();
    expect(calls).toEqual([['a', 'b', 'c']]);
  });

  it('is sent before the turn is over where it is much, in calls that grow', async () => {
    const taskIds = Array.from({ length: 12 }, (_, n) => String(n));
    for (const taskId of taskIds) appender.add(writer, batch(taskId, 1_792));
    expect(calls.map(({ length }) => length)).toEqual([2, 4]);
    await new Promise(setImmediate);
    expect(calls.map(({ length }) => length)).toEqual([2, 4, 6]);
    expect(settled.slice(-12)).toEqual(taskIds.map((taskId) => [taskId, 'committed']));

    appender.add(writer, batch('next turn', 100));
    await Promise.resolve();
    expect(calls.at(-1)).toEqual(['next turn']);
  });
});
