import type { NatsConnection } from '@nats-io/transport-node';
import { systemClock, type Clock } from '../core/clock.js';
import { checkRange, expect, type Range } from '../core/options.js';
import { checkSubject } from './subject.js';

const NUMBERS = {
  leaseMs: [5_000, 80, 3_600_000],
  beatMs: [1_000, 20, 60_000],
  windowMessages: [1_024, 2, 65_536],
  windowBytes: [2_097_152, 1_024, 2 ** 28],
  maxConcurrent: [100, 1, Infinity],
  maxWaiting: [1_000, 0, Infinity],
  idleTimeoutMs: [Infinity, 1, Infinity],
} as const satisfies Readonly<Record<string, Range>>;

/** The range of a number that comes over the wire, and its name in messages. */
export const rangeOf = (name: keyof typeof NUMBERS): Range => NUMBERS[name];

/** The number that was given, or the default. @throws TaskError `INVALID_OPTION` */
export function numberOption(name: keyof typeof NUMBERS, given: number | undefined): number {
  return given === undefined ? NUMBERS[name][0] : checkRange(name, NUMBERS[name], given);
}

/** @throws TaskError `INVALID_OPTION` */
export function checkConnection(connection: NatsConnection): void {
  const methods = ['publish', 'subscribe', 'flush'] as const;
  const there = typeof connection === 'object' && (connection as object | null) !== null;
  const complete = there && methods.every((name) => typeof connection[name] === 'function');
  expect(complete, 'connection', 'a NatsConnection', connection);
}

/** @throws TaskError `INVALID_OPTION` */
export function inboxPrefixOption(prefix = '_INBOX'): string {
  checkSubject('inboxPrefix', prefix);
  return prefix;
}

/** @throws TaskError `INVALID_OPTION` */
export function clockOption(clock: Clock = systemClock): Clock {
  expect(typeof clock.now === 'function' && typeof clock.every === 'function', 'clock', 'a Clock', clock);
  return clock;
}
