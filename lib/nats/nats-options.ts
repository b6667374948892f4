/** The numbers among the options of the NATS room, with their defaults and limits, and rules that its parts share. */
import { wholeNumber, withMethods, type OptionRule, type Range } from '../core/check-options.js';
import { A_SUBJECT } from './subject.js';

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

/** The rules of options that all parts of the room have. */
export const WIRE_RULES = {
  connection: withMethods('a NatsConnection', ['publish', 'subscribe', 'flush']),
  inboxPrefix: A_SUBJECT,
  clock: withMethods('a Clock', ['now', 'after', 'every']),
} as const;

/** The prefix of inboxes where none is given, as NATS has it. */
export const INBOX_PREFIX = '_INBOX';

/** Returns default, minimum and maximum of a number, for checking one that arrives over the wire. */
export const rangeOf = (name: keyof typeof NUMBERS): Range => NUMBERS[name];

/** Returns the given number, which has been checked, or the default for undefined. */
export const numberOption = (name: keyof typeof NUMBERS, given: number | undefined): number =>
  given ?? NUMBERS[name][0];
