import { TimeLimit } from '../../../lib/core/store/time-limit.js';
import { ManualClock } from '../../support/clock/manual-clock.js';

/** Its refusal comes in a later turn, after answers that were there already. */
const turn = (): Promise<void> => new Promise(setImmediate);

/** What became of answers, in the order it did. */
function watching(limit: TimeLimit) {
  const said: string[] = [];
  const watch = (name: string, ms: number, answer: Promise<unknown>): void => {
    limit.within(ms, answer).then(
      (value) => said.push(`${name}: ${String(value)}`),
      (error: unknown) => said.push(`${name}: ${(error as { code?: string }).code ?? String(error)}`),
    );
  };
  return { said, watch };
}

const never = new Promise<never>(() => undefined);

describe('TimeLimit', () => {
  it('passes answers on, and passes on at once what is not a promise', async () => {
    const limit = new TimeLimit(new ManualClock(), 100);
    expect(limit.withTimeout(7)).toBe(7);
    expect(await limit.withTimeout(Promise.resolve(8))).toBe(8);
    await expect(limit.withTimeout(Promise.reject(new Error('no')))).rejects.toThrow('no');
  });

  it('refuses each answer when its own time is over, whatever time the others have', async () => {
    const clock = new ManualClock();
    const { said, watch } = watching(new TimeLimit(clock, 100));
    watch('long', 100, never);
    watch('short', 30, never);
    clock.advance(20);
    watch('later', 30, never);
    const at: [number, string[]][] = [];
    for (const ms of [9, 1, 19, 1, 49, 1]) {
      clock.advance(ms);
      await turn();
      at.push([clock.now(), said.splice(0)]);
    }
    const start = clock.now() - 100;
    expect(at.map(([ms, names]) => [ms - start, names])).toEqual([
      [29, []],
      [30, ['short: STORE_UNAVAILABLE']],
      [49, []],
      [50, ['later: STORE_UNAVAILABLE']],
      [99, []],
      [100, ['long: STORE_UNAVAILABLE']],
    ]);
    expect(clock.timers).toBe(0);
  });

  it('takes one timer for ten thousand answers, and none once they are there', async () => {
    const clock = new ManualClock();
    const limit = new TimeLimit(clock, 100);
    const answers = Array.from({ length: 10_000 }, (_, n) => limit.within(100, Promise.resolve(n)));
    expect(clock.timers).toBe(1);
    expect(await Promise.all(answers)).toHaveLength(10_000);
    expect(clock.timers).toBe(0);
  });

  it('accepts an answer that came in time and is read only now', async () => {
    const clock = new ManualClock();
    const { said, watch } = watching(new TimeLimit(clock, 100));
    let answer: (value: string) => void = () => undefined;
    watch('read late', 100, new Promise((resolve) => (answer = resolve)));
    clock.advance(100);
    answer('here');
    await turn();
    expect(said).toEqual(['read late: here']);
  });
});
