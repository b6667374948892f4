/** Checks that a client got every event once and in order. */
import { AssertionError } from 'node:assert';

/**
 * Checks that the seqs of `events` are `from`, `from + 1`, … `to`: nothing missing, nothing twice, nothing out of order.
 * @param range `from` is 1 by default, `to` the last seq that came
 * @throws AssertionError that says where it goes wrong first
 */
export function expectExact(
  events: readonly { readonly seq: number }[],
  { from = 1, to }: { readonly from?: number; readonly to?: number } = {},
): void {
  let expected = from;
  for (const [index, { seq }] of events.entries()) {
    if (seq !== expected) fail(index === 0 ? `the first is ${seq}` : wrong(seq, expected), expected, seq);
    expected++;
  }
  if (to !== undefined && expected !== to + 1) fail(`the last is ${expected - 1}, not ${to}`, to, expected - 1);
}

function wrong(seq: number, expected: number): string {
  const after = `after ${expected - 1} came ${seq}`;
  if (seq > expected) return `${after}: ${seq - expected} missing`;
  return seq === expected - 1 ? `${seq} came twice` : `${after}: again, or late`;
}

function fail(what: string, expected: number, actual: number): never {
  throw new AssertionError({ message: `The events are not exact: ${what}`, expected, actual, operator: 'expectExact' });
}
