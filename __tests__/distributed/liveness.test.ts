import type { Context } from '../../lib/distributed/context.js';
import { Liveness } from '../../lib/distributed/fleet/liveness.js';
import type { InstanceState } from '../../lib/distributed/port/stored.js';
import { ManualClock } from '../support/clock/manual-clock.js';
import { storeSettings } from '../support/stores/store-fixtures.js';

const LEASE_MS = 1_000;
const BEAT_MS = 100;

describe('An instance whose own beats stood still', () => {
  let clock: ManualClock;
  let others: InstanceState[];
  let liveness: Liveness;
  beforeEach(() => {
    clock = new ManualClock();
    others = [];
    let count = 0;
    const beat = async (own: object): Promise<readonly InstanceState[]> => [
      { instance: 'one', leaseMs: LEASE_MS, schema: 2, ...own, count: ++count },
      ...others,
    ];
    const context = { instance: 'one', driver: { beat }, settings: storeSettings({ clock }) };
    const settled = { ...context, leaseMs: LEASE_MS, beatMs: BEAT_MS } as unknown as Context;
    liveness = new Liveness(settled, { doubted: () => undefined, died: () => undefined, left: () => undefined });
  });

  const beatFor = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += BEAT_MS) {
      clock.advance(BEAT_MS);
      await liveness.beat();
    }
  };

  it('takes nobody for dead who had not been heard of before', async () => {
    await beatFor(2 * LEASE_MS);
    expect(liveness.isDead('new')).toBe(false);
    clock.advance(3 * LEASE_MS);
    expect(liveness.isDead('new')).toBe(false);
    await beatFor(LEASE_MS);
    expect(liveness.isDead('new')).toBe(false);
    await beatFor(2 * BEAT_MS);
    expect(liveness.isDead('new')).toBe(true);
  });

  it('keeps to what its last beat has shown while the next one is late, as for all that it does at once', async () => {
    others = [{ instance: 'two', leaseMs: LEASE_MS, schema: 2, count: 7 }];
    await beatFor(LEASE_MS + 2 * BEAT_MS);
    clock.advance(LEASE_MS - 1);
    expect(liveness.isDead('two')).toBe(true);
  });

  it('does not go by what it knew before: who was dead may live again', async () => {
    others = [{ instance: 'two', leaseMs: LEASE_MS, schema: 2, count: 7 }];
    await beatFor(LEASE_MS + 2 * BEAT_MS);
    expect(liveness.isDead('two')).toBe(true);
    clock.advance(LEASE_MS);
    expect(liveness.isDead('two')).toBe(false);
    await beatFor(BEAT_MS);
    expect(liveness.isDead('two')).toBe(true);
    others = [{ instance: 'two', leaseMs: LEASE_MS, schema: 2, count: 8 }];
    await beatFor(BEAT_MS);
    expect(liveness.isDead('two')).toBe(false);
  });
});
