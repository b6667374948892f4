import fc from 'fast-check';
import { FairEviction } from '../../../lib/core/store/fair-eviction.js';
import { itHolds } from '../../support/random/property.js';

/** What goes, in order, until nothing is left. */
function takeAll<Item>(shares: FairEviction<string, Item>): Item[] {
  const gone: Item[] = [];
  for (let next = shares.first(); next !== undefined; next = shares.first()) {
    shares.delete(next);
    gone.push(next);
  }
  return gone;
}

describe('the memory of several holders under one limit', () => {
  it('is taken from the holder with most, least recently used first', () => {
    const shares = new FairEviction<string, string>({ sparesLast: false });
    for (const name of ['a', 'b', 'c', 'd']) shares.put('many', name, 10);
    for (const name of ['x', 'y']) shares.put('few', name, 5);
    shares.touch('a');
    expect(shares).toMatchObject({ size: 6, weight: 50 });
    expect([shares.first(), takeAll(shares).slice(0, 3)]).toEqual(['b', ['b', 'c', 'd']]);
    expect(shares).toMatchObject({ size: 0, weight: 0 });
  });

  it('is taken from the holder that asks for more, where several hold about as much', () => {
    const shares = new FairEviction<string, string>({ sparesLast: true });
    for (const name of ['a1', 'a2', 'a3']) shares.put('ann', name, 1);
    for (const name of ['b1', 'b2', 'b3']) shares.put('bob', name, 1);
    expect(shares.first()).toBe('b1');
    shares.put('ann', 'a1', 1);
    expect(shares.first()).toBe('a2');
  });

  it('leaves every holder its last item while another has two, however large it is', () => {
    const shares = new FairEviction<string, string>({ sparesLast: true });
    shares.put('ann', 'a large one', 1_000_000);
    for (const name of ['one', 'two', 'three']) shares.put('bob', name, 1);
    shares.put('eve', 'the newest', 1);
    expect(takeAll(shares)).toEqual(['one', 'two', 'a large one', 'the newest', 'three']);
  });

  it('counts by its new weight after it has changed, in its old place', () => {
    const shares = new FairEviction<string, string>({ sparesLast: false });
    shares.put('ann', 'a1', 8);
    shares.put('ann', 'a2', 8);
    shares.put('bob', 'b', 4);
    expect(shares.first()).toBe('a1');
    shares.reweigh('a1', 1);
    shares.reweigh('a2', 1);
    expect([shares.first(), shares.weight]).toEqual(['b', 6]);
    shares.reweigh('gone', 100);
    expect(shares).toMatchObject({ size: 3, weight: 6 });
  });

  const step = fc.record({
    what: fc.constantFrom('put', 'put', 'put', 'reweigh', 'delete', 'give'),
    holder: fc.constantFrom('ann', 'bob', 'eve'),
    item: fc.nat(8),
    weight: fc.integer({ min: 1, max: 1_000 }),
  });

  itHolds(
    'is never taken from a holder while another has twice as much',
    [fc.array(step, { maxLength: 60 })],
    (steps) => {
      const shares = new FairEviction<string, string>({ sparesLast: false });
      const kept = new Map<string, number>();
      const heldBy = (holder: string): number =>
        [...kept].reduce((sum, [name, weight]) => (name.startsWith(holder) ? sum + weight : sum), 0);
      for (const { what, holder, item, weight } of steps) {
        const name = `${holder}-${item}`;
        if (what === 'put') {
          shares.put(holder, name, weight);
          kept.set(name, weight);
        } else if (what === 'reweigh') {
          shares.reweigh(name, weight);
          if (kept.has(name)) kept.set(name, weight);
        } else if (what === 'delete') {
          shares.delete(name);
          kept.delete(name);
        } else {
          const first = shares.first();
          expect(first === undefined).toBe(kept.size === 0);
          if (first === undefined) continue;
          const most = Math.max(...['ann', 'bob', 'eve'].map(heldBy));
          expect(2 * heldBy(first.slice(0, 3))).toBeGreaterThan(most);
          shares.delete(first);
          kept.delete(first);
        }
        const weightKept = [...kept.values()].reduce((sum, each) => sum + each, 0);
        expect([shares.size, shares.weight]).toEqual([kept.size, weightKept]);
      }
    },
  );
});
