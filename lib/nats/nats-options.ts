/** The numbers among the options of the NATS room, with their defaults and limits, and rules that its parts share. */
import { systemClock, type Clock } from '../core/clock.js';
import { ANYTHING, assertOption, checkRange, wholeNumber, type OptionRule, type Range } from '../core/check-options.js';
import { checkSubject } from './subject.js';

const NUMBERS = {
  leaseMs: [5_000, 80, 3_600_000],
  beatMs: [1_000, 20, 60_000],
  windowMessages: [1_024, 2, 65_536],
  windowBytes: [8_388_608, 1_024, 2 ** 28],
  maxBufferedBytes: [33_554_432, 1_024, 2 ** 40],
  maxConcurrent: [100, 1, Infinity],
  maxWaiting: [1_000, 0, Infinity],
  idleTimeoutMs: [Infinity, 1, Infinity],
  graceMs: [Infinity, 0, Infinity],
} as const satisfies Readonly<Record<string, Range>>;

/** Returns the rule of a number among the options. */
export const numberRule = (name: keyof typeof NUMBERS): OptionRule => wholeNumber(NUMBERS[name]);

/** Rules of options that are checked where they are used, with messages of their own. */
export const WIRE_RULES = { connection: ANYTHING, inboxPrefix: ANYTHING, clock: ANYTHING } as const;

/** Returns default, minimum and maximum of a number, for checking one that arrives over the wire. */
export const rangeOf = (name: keyof typeof NUMBERS): Range => NUMBERS[name];

/** Returns the given number, or the default for undefined. @throws TaskError `INVALID_OPTION` */
export function numberOption(name: keyof typeof NUMBERS, given: number | undefined): number {
  return given === undefined ? NUMBERS[name][0] : checkRange(name, NUMBERS[name], given);
}

/** @throws TaskError `INVALID_OPTION` */
export function inboxPrefixOption(prefix = '_INBOX'): string {
  checkSubject('inboxPrefix', prefix);
  return prefix;
}

/** @throws TaskError `INVALID_OPTION` */
export function clockOption(clock: Clock = systemClock): Clock {
  const methods = ['now', 'after', 'every'] as const;
  assertOption(
    methods.every((name) => typeof clock[name] === 'function'),
    'clock',
    'a Clock',
    clock,
  );
  return clock;
}
