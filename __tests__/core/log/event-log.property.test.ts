import fc from 'fast-check';
import { EventLog } from '../../../lib/core/log/event-log.js';
import { FrameRun } from '../../../lib/core/log/frame-run.js';
import { CountingBudget } from '../../support/sse/counting-budget.js';
import { itHolds } from '../../support/random/property.js';

const MAX_FRAME = 3_000;

/** Frames of a few bytes, of many, and of characters that take 1 to 4 of them. */
const frame = fc.oneof(
  { weight: 6, arbitrary: fc.string({ minLength: 1, maxLength: 60 }) },
  { weight: 3, arbitrary: fc.string({ unit: 'binary', minLength: 1, maxLength: 60 }) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.constantFrom('x', 'ü', '☃', '😀'), fc.integer({ min: 1, max: 700 }))
      .map(([unit, n]) => unit.repeat(n)),
  },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: MAX_FRAME }).map((n) => '='.repeat(n)) },
);
type Step = { readonly append: string } | { readonly run: readonly string[]; readonly from: number } | 'drop';
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 30, arbitrary: frame.map((append) => ({ append })) },
  {
    weight: 10,
    arbitrary: fc.record({ run: fc.array(frame, { minLength: 1, maxLength: 20 }), from: fc.constantFrom(0, 0, 0, 1) }),
  },
  { weight: 1, arbitrary: fc.constant<Step>('drop') },
);
const limits = fc.record({
  maxEvents: fc.integer({ min: 1, max: 200 }),
  maxBytes: fc.integer({ min: MAX_FRAME + 8, max: 40_000 }),
});

/** Everything after `position`, slice by slice. */
function readAll(log: EventLog, position: number): Buffer {
  const parts: Buffer[] = [];
  for (let slice = log.readAfter(position); slice !== undefined; slice = log.readAfter(position)) {
    expect(slice.from).toBe(position);
    expect(slice.to).toBeGreaterThan(position);
    parts.push(slice.bytes);
    position = slice.to;
  }
  expect(position).toBe(log.lastSeq);
  return Buffer.concat(parts);
}

describe('EventLog, against an array of all frames', () => {
  itHolds(
    'gives every kept position the exact bytes, stays within its budgets, and returns what it reserved',
    [limits, fc.array(step, { minLength: 1, maxLength: 150 })],
    (given, steps) => {
      const budget = new CountingBudget();
      const log = new EventLog(given, budget);
      const model: string[] = [];
      for (const each of steps) {
        const before = log.firstSeq;
        if (each === 'drop') {
          log.dropOldestSegment();
        } else if ('run' in each) {
          log.appendFrom(each.from, new FrameRun(each.run));
          model.push(...each.run.slice(each.from));
        } else {
          log.append(each.append);
          model.push(each.append);
          expect(log.events).toBeGreaterThanOrEqual(1);
        }
        expect(log.lastSeq).toBe(model.length);
        expect(log.firstSeq).toBeGreaterThanOrEqual(before);
        expect(log.events).toBeLessThanOrEqual(given.maxEvents);
        expect(log.capacity).toBeLessThanOrEqual(given.maxBytes);
        expect(budget.reserved).toBe(log.capacity);
        expect(log.wireBytes + 4 * log.events).toBeLessThanOrEqual(log.capacity);
        expect(log.wireBytes).toBe(Buffer.byteLength(model.slice(log.firstSeq - 1).join('')));
      }
      for (let position = log.firstSeq - 1; position <= log.lastSeq; position++) {
        expect(readAll(log, position).equals(Buffer.from(model.slice(position).join('')))).toBe(true);
      }
      log.discard();
      expect(log).toMatchObject({ discarded: true, events: 0, capacity: 0, wireBytes: 0, lastSeq: model.length });
      expect(budget.reserved).toBe(0);
    },
    200,
  );

  itHolds(
    'never holds more memory than its budget, not even while it makes room',
    [limits, fc.array(frame, { minLength: 1, maxLength: 300 })],
    (given, frames) => {
      const budget = new CountingBudget();
      const log = new EventLog(given, budget);
      for (const each of frames) log.append(each);
      expect(budget.highest).toBeLessThanOrEqual(given.maxBytes);
    },
  );

  itHolds(
    'keeps at least 7/8 of its events once it has been full',
    [fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 3 })],
    (maxEvents, rounds) => {
      const log = new EventLog({ maxEvents, maxBytes: 8_388_608 }, new CountingBudget());
      for (let n = 1; n <= maxEvents * (rounds + 1); n++) {
        log.append('x');
        if (n >= maxEvents) expect(log.events).toBeGreaterThanOrEqual((maxEvents * 7) / 8);
      }
    },
  );

  itHolds(
    'keeps at least 7/8 of its bytes once it has been full',
    [
      fc.integer({ min: 8_192, max: 1_048_576 }),
      fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 20 }),
    ],
    (maxBytes, sizes) => {
      const log = new EventLog({ maxEvents: 1_000_000, maxBytes }, new CountingBudget());
      let least = Infinity;
      for (let n = 0; log.lastSeq < 10 * log.events || n < 100; n++) {
        const before = log.firstSeq;
        log.append('x'.repeat(sizes[n % sizes.length] as number));
        if (log.firstSeq > before) least = Math.min(least, log.capacity);
        if (n > maxBytes) break;
      }
      expect(least).toBeGreaterThanOrEqual((maxBytes * 7) / 8);
    },
    20,
  );
});
