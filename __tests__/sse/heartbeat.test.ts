import fc from 'fast-check';
import { Heartbeat, type HeartbeatTarget, type HeartbeatSettings } from '../../lib/sse/heartbeat.js';
import { ManualClock } from '../support/clock/manual-clock.js';
import { itHolds } from '../support/random/property.js';

const SETTINGS = { heartbeatMs: 15_000, stallTimeoutMs: 60_000, maxConnectionAgeMs: 0, retryMs: 2_000 };

class RecordingConnection implements HeartbeatTarget {
  beats = 0;
  retired = 0;

  beat(): void {
    this.beats++;
  }

  sendAway(): void {
    this.retired++;
  }
}

describe('Heartbeat', () => {
  let clock: ManualClock;
  const heartbeatOf = (changed: Partial<HeartbeatSettings> = {}): Heartbeat => {
    clock = new ManualClock();
    return new Heartbeat({ clock, ...SETTINGS, ...changed });
  };

  it('runs one timer for all connections, and none without any', () => {
    const heartbeat = heartbeatOf();
    const connections = Array.from({ length: 100 }, () => new RecordingConnection());
    expect(clock.timers).toBe(0);
    for (const each of connections) heartbeat.add(each);
    expect(clock.timers).toBe(1);
    expect(heartbeat.size).toBe(100);
    clock.advance(15_000);
    for (const { beats } of connections) expect(beats).toBe(4);
    for (const each of connections) heartbeat.delete(each);
    expect(clock.timers).toBe(0);
    heartbeat.delete(connections[0]!);
    heartbeat.add(connections[0]!);
    expect(clock.timers).toBe(1);
  });

  it('goes on for the others when one connection leaves', () => {
    const heartbeat = heartbeatOf();
    const [staying, leaving] = [new RecordingConnection(), new RecordingConnection()];
    heartbeat.add(staying);
    heartbeat.add(leaving);
    heartbeat.delete(leaving);
    clock.advance(15_000);
    expect([staying.beats, leaving.beats]).toEqual([4, 0]);
  });

  it('retires every connection, also those that leave during that', () => {
    const heartbeat = heartbeatOf();
    const retired: number[] = [];
    for (const n of [1, 2, 3]) {
      const connection: HeartbeatTarget = {
        beat: () => undefined,
        sendAway: () => {
          retired.push(n);
          heartbeat.delete(connection);
        },
      };
      heartbeat.add(connection);
    }
    heartbeat.sendAllAway();
    expect(retired).toEqual([1, 2, 3]);
    expect(heartbeat.size).toBe(0);
  });

  it('never beats when it is off', () => {
    const heartbeat = heartbeatOf({ heartbeatMs: 0 });
    expect(heartbeat.silenceTicks).toBe(Infinity);
    expect(heartbeat.nextAgeTicks()).toBe(Infinity);
  });

  const ms = fc.oneof(
    fc.integer({ min: 1, max: 100 }),
    fc.integer({ min: 1, max: 200_000 }),
    fc.constantFrom(2 ** 31 - 1),
  );
  const orOff = fc.oneof(ms, fc.constant(0));

  itHolds(
    'lets no silence last longer and cuts no stall sooner than configured, wherever in a period it began',
    [orOff, ms, orOff, fc.double({ min: 0, max: 0.999, noNaN: true })],
    (heartbeatMs, stallTimeoutMs, maxConnectionAgeMs, phase) => {
      const heartbeat = heartbeatOf({ heartbeatMs, stallTimeoutMs, maxConnectionAgeMs });
      heartbeat.add(new RecordingConnection());
      const [periodMs] = clock.periods as [number];
      expect(Number.isInteger(periodMs)).toBe(true); // what is left of a millisecond, Node's timers drop
      expect(periodMs).toBeGreaterThanOrEqual(1);
      expect(periodMs).toBeLessThan(2 ** 31);
      // Something happens after `phase` of a period: n ticks later, n - phase periods have passed.
      const after = (ticks: number): number => (ticks - phase) * periodMs;
      if (heartbeatMs > 0) {
        expect(heartbeat.silenceTicks).toBeGreaterThanOrEqual(1);
        expect(after(heartbeat.silenceTicks)).toBeLessThanOrEqual(heartbeatMs);
        if (heartbeatMs >= 4) expect(after(heartbeat.silenceTicks)).toBeGreaterThan(heartbeatMs / 4);
      }
      expect(after(heartbeat.stallTicks)).toBeGreaterThanOrEqual(stallTimeoutMs);
      if (stallTimeoutMs >= 4) expect(after(heartbeat.stallTicks)).toBeLessThanOrEqual(stallTimeoutMs * 1.75);
    },
    500,
  );

  itHolds('jitters age and retry by a quarter, each time anew', [fc.integer({ min: 100, max: 10 ** 9 })], (given) => {
    const heartbeat = heartbeatOf({ maxConnectionAgeMs: given, retryMs: given });
    heartbeat.add(new RecordingConnection());
    const [periodMs] = clock.periods as [number];
    const ages = Array.from({ length: 50 }, () => heartbeat.nextAgeTicks() * periodMs);
    const retries = Array.from({ length: 50 }, () => heartbeat.nextRetryMs());
    for (const each of [...ages, ...retries]) {
      expect(each).toBeGreaterThanOrEqual(Math.floor(given * 0.75));
      expect(each).toBeLessThanOrEqual(Math.ceil(given * 1.25));
    }
    for (const each of retries) expect(Number.isInteger(each)).toBe(true);
    for (const group of [ages, retries]) expect(Math.max(...group) - Math.min(...group)).toBeGreaterThan(given / 4);
  });

  it('tells clients to come back at once when that is asked for', () => {
    expect(heartbeatOf({ retryMs: 0 }).nextRetryMs()).toBe(0);
  });
});
