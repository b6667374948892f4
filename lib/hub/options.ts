import { systemClock, type Clock } from '../core/clock.js';
import {
  A_BOOLEAN,
  A_CLOCK,
  assertOption,
  checkOptions,
  LARGE,
  TIMER_MS,
  wholeNumber,
  withMethods,
  type OptionRule,
  type OptionRules,
  type Range,
} from '../core/options.js';
import { MemoryHubLog, type HubLog } from './hub-log.js';

/** Durations in ms, sizes in bytes. Every option is checked once, when the hub is made. */
export interface HubOptions {
  /** The longest silence on a connection before a comment is sent; 0: off. Default 30_000. */
  heartbeatMs?: number;
  /** Send a `heartbeat` event instead of the comment, for clients that cannot see comments. Default false. */
  heartbeatEvent?: boolean;
  /** A client whose socket has taken nothing for this long is dropped. Default 300_000 (5 min). */
  clientTimeoutMs?: number;
  /** Connected at a time; more are refused with 503. Default 10_000. */
  maxClients?: number;
  /** Connected at a time with one user id; more are refused with 429. Default 10. */
  maxClientsPerUser?: number;
  /** Publisher kept per channel (all, each room, user and client) for those who come back. Default 1_000. */
  historyEvents?: number;
  /** The same in bytes; at least `maxEventBytes` + 1_024. Default 4_194_304 (4 MiB). */
  historyBytes?: number;
  /** Memory of all channels together; at least `historyBytes`. Default 268_435_456 (256 MiB). */
  maxHistoryBytes?: number;
  /** The longest JSON text of one message. Default 1_048_576 (1 MiB). */
  maxEventBytes?: number;
  /** How long a client that is away keeps its rooms and what it is sent. Default 300_000 (5 min). */
  absenceMs?: number;
  /** How many are remembered while they are away; those away longest are forgotten first. Default 10_000. */
  maxAbsentClients?: number;
  /** How long clients are told to wait before they reconnect, jittered by 25 % per connection. Default 2_000. */
  retryMs?: number;
  /** After this long, jittered, a connection is ended and its client comes back; 0: off, the default. */
  maxConnectionAgeMs?: number;
  /** Origins whose pages may use the hub across sites, as `https://app.example` or `https://*.app.example`. Default: none. */
  allowedOrigins?: readonly string[];
  /** Let pages of any site connect and post, where something else keeps strangers out. Default false. */
  allowCrossSite?: boolean;
  /** Where messages get their order. Default: this process. */
  log?: HubLog;
  /** Default: the system's. */
  clock?: Clock;
}

type NumericOption = {
  [K in keyof HubOptions]-?: HubOptions[K] extends number | undefined ? K : never;
}[keyof HubOptions];

export type ResolvedHubOptions = Required<HubOptions>;

const NUMBERS: Readonly<Record<NumericOption, Range>> = {
  heartbeatMs: [30_000, 0, TIMER_MS],
  clientTimeoutMs: [300_000, 1, TIMER_MS],
  maxClients: [10_000, 1, Infinity],
  maxClientsPerUser: [10, 1, Infinity],
  historyEvents: [1_000, 1, LARGE],
  historyBytes: [4_194_304, 2_048, 2 ** 32],
  maxHistoryBytes: [268_435_456, 2_048, LARGE],
  maxEventBytes: [1_048_576, 1, 2 ** 28],
  absenceMs: [300_000, 0, TIMER_MS],
  maxAbsentClients: [10_000, 0, LARGE],
  retryMs: [2_000, 0, TIMER_MS],
  maxConnectionAgeMs: [0, 0, TIMER_MS],
};

/** What a frame adds to its data, at most: name, id and field names. */
const FRAME_BYTES = 1_024;

const numberRules = Object.fromEntries(
  Object.entries(NUMBERS).map(([name, range]) => [name, wholeNumber(range)]),
) as Readonly<Record<NumericOption, OptionRule>>;
const HUB_RULES: OptionRules<HubOptions> = {
  ...numberRules,
  heartbeatEvent: A_BOOLEAN,
  allowedOrigins: { text: 'an array', accepts: Array.isArray },
  allowCrossSite: A_BOOLEAN,
  log: withMethods('a HubLog', ['open', 'append', 'close']),
  clock: A_CLOCK,
};

/** @throws TaskError `INVALID_OPTION` naming the option, the rule and the value. */
export function resolveHubOptions(given: HubOptions): ResolvedHubOptions {
  checkOptions('createHub', given, HUB_RULES);
  const numbers = {} as Record<NumericOption, number>;
  for (const name of Object.keys(NUMBERS) as NumericOption[]) numbers[name] = given[name] ?? NUMBERS[name][0];
  // A limit that was given alone takes the defaults of the others along.
  if (given.historyBytes === undefined) numbers.historyBytes = Math.min(numbers.historyBytes, numbers.maxHistoryBytes);
  if (given.maxEventBytes === undefined) {
    numbers.maxEventBytes = Math.min(numbers.maxEventBytes, numbers.historyBytes - FRAME_BYTES);
  }
  const { historyBytes, maxHistoryBytes, maxEventBytes } = numbers;
  assertOption(historyBytes <= maxHistoryBytes, 'historyBytes', 'at most maxHistoryBytes', historyBytes);
  const largest = historyBytes - FRAME_BYTES;
  assertOption(maxEventBytes <= largest, 'maxEventBytes', `at most historyBytes - ${FRAME_BYTES}`, maxEventBytes);

  const { heartbeatEvent = false, allowedOrigins = [], allowCrossSite = false } = given;
  const { clock = systemClock, log = new MemoryHubLog() } = given;
  return { ...numbers, heartbeatEvent, allowedOrigins, allowCrossSite, clock, log };
}
