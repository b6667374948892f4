import fc from 'fast-check';
import { Deadlines } from '../../lib/core/deadlines.js';
import { itHolds } from '../support/random/property.js';

type Step =
  | { readonly kind: 'add' | 'delete'; readonly item: number; readonly delayMs: number }
  | { readonly kind: 'pass'; readonly ms: number };

const item = fc.integer({ min: 0, max: 9 });
const delayMs = fc.constantFrom(0, 1, 10, 100, Infinity);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constantFrom('add' as const, 'delete' as const), item, delayMs }),
  fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 0, max: 60 }) }),
);

describe('Deadlines', () => {
  it('gives an item when it is due, not before, and once', () => {
    const deadlines = new Deadlines<string>();
    deadlines.add('a', 10, 100);
    expect(deadlines.take(109)).toEqual([]);
    expect(deadlines.take(110)).toEqual(['a']);
    expect(deadlines.take(1_000)).toEqual([]);
  });

  it('never gives what waits for Infinity', () => {
    const deadlines = new Deadlines<string>();
    deadlines.add('a', Infinity, 0);
    expect(deadlines.take(Number.MAX_VALUE)).toEqual([]);
    expect(deadlines.take(Infinity)).toEqual([]);
  });

  it('starts anew when an item is added again', () => {
    const deadlines = new Deadlines<string>();
    deadlines.add('a', 10, 0);
    deadlines.add('b', 10, 1);
    deadlines.add('a', 10, 5);
    expect(deadlines.take(10)).toEqual([]);
    expect(deadlines.take(11)).toEqual(['b']);
    expect(deadlines.take(15)).toEqual(['a']);
  });

  it('forgets what is deleted, and only with the delay it was added with', () => {
    const deadlines = new Deadlines<string>();
    deadlines.add('a', 10, 0);
    deadlines.delete('a', 20);
    deadlines.delete('b', 10);
    expect(deadlines.take(10)).toEqual(['a']);
    deadlines.add('a', 10, 0);
    deadlines.delete('a', 10);
    expect(deadlines.take(10)).toEqual([]);
  });

  it('looks at what is due and one more, however many wait', () => {
    const deadlines = new Deadlines<number>();
    for (let n = 0; n < 10_000; n++) deadlines.add(n, 1_000, n);
    let looked = 0;
    const entries = Map.prototype[Symbol.iterator];
    const spy = jest.spyOn(Map.prototype, Symbol.iterator as never).mockImplementation(function (this: unknown) {
      const iterator = entries.call(this as Map<unknown, unknown>);
      const next = iterator.next.bind(iterator);
      iterator.next = () => {
        looked++;
        return next();
      };
      return iterator;
    } as never);
    expect(deadlines.take(1_002)).toEqual([0, 1, 2]);
    spy.mockRestore();
    expect(looked).toBeLessThan(10);
  });

  itHolds('agrees with a list that is searched whole', [fc.array(step, { maxLength: 80 })], (steps) => {
    const deadlines = new Deadlines<number>();
    let waiting: { item: number; delayMs: number; dueMs: number }[] = [];
    let nowMs = 0;
    for (const each of steps) {
      if (each.kind === 'pass') {
        nowMs += each.ms;
        const due = waiting.filter(({ dueMs }) => dueMs <= nowMs).map((entry) => entry.item);
        waiting = waiting.filter(({ dueMs }) => dueMs > nowMs);
        expect(deadlines.take(nowMs).sort()).toEqual(due.sort());
        continue;
      }
      waiting = waiting.filter((entry) => entry.item !== each.item || entry.delayMs !== each.delayMs);
      if (each.kind === 'delete') deadlines.delete(each.item, each.delayMs);
      else {
        deadlines.add(each.item, each.delayMs, nowMs);
        waiting.push({ item: each.item, delayMs: each.delayMs, dueMs: nowMs + each.delayMs });
      }
    }
  });
});
