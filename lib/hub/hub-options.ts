/** The options of a hub, their defaults and limits. */
import { systemClock, type Clock } from '../core/clock.js';
import {
  A_BOOLEAN,
  A_CLOCK,
  AN_ARRAY,
  assertOption,
  checkOptions,
  LARGE,
  numberRules,
  numbersOf,
  TIMER_MS,
  withMethods,
  type OptionRules,
  type Range,
} from '../core/check-options.js';
import { isResumeKey } from '../sse/event-id.js';
import { MemoryHubLog, type HubLog } from './hub-log.js';

/** Options of `createHub`. Durations are in ms, sizes in bytes. Every option is checked once, when the hub is made. */
export interface HubOptions {
  /** The longest silence on a connection before a comment is sent; 0 turns this off. Default 30_000. */
  heartbeatMs?: number;
  /** Sends a `heartbeat` event instead of the comment, for clients that cannot see comments. Default false. */
  heartbeatEvent?: boolean;
  /** The time after which a client whose socket has taken nothing is dropped. Default 300_000 (5 min). */
  clientTimeoutMs?: number;
  /** The number of clients that may be connected at a time; more are refused with 503. Default 10_000. */
  maxClients?: number;
  /** The number of clients that may be connected with one user id at a time; more are refused with 429. Default 10. */
  maxClientsPerUser?: number;
  /**
   * The number of messages kept per channel (all, each room, user and client) for clients that return. Default 1_000.
   */
  historyEvents?: number;
  /**
   * The memory that the messages of a channel may take; at least `maxEventBytes` + 1_024. Default 4_194_304 (4 MiB).
   */
  historyBytes?: number;
  /** The memory of all channels together; at least `historyBytes`. Default 268_435_456 (256 MiB). */
  maxHistoryBytes?: number;
  /** The longest JSON text of one message. Default 1_048_576 (1 MiB). */
  maxEventBytes?: number;
  /** The time for which a client that is away keeps its rooms and messages. Default 300_000 (5 min). */
  absenceMs?: number;
  /**
   * The number of clients that are remembered while they are away; those away longest are forgotten first. Default
   * 10_000.
   */
  maxAbsentClients?: number;
  /** The time that clients are told to wait before they reconnect, jittered by 25 % per connection. Default 2_000. */
  retryMs?: number;
  /**
   * The time after which a connection is ended so that its client reconnects, jittered by 25 %. Default 0, which turns
   * this off.
   */
  maxConnectionAgeMs?: number;
  /**
   * The origins whose pages may use the hub across sites, such as `https://app.example` or `https://*.app.example`.
   * Default: none.
   */
  allowedOrigins?: readonly string[];
  /** Lets pages of any site connect and post, where something else keeps strangers out. Default false. */
  allowCrossSite?: boolean;
  /** The log that gives messages their order. Default: this process. */
  log?: HubLog;
  /** The source of time. Default: the system's. */
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

/** A frame adds at most this to its data: name, id and field names. */
const FRAME_BYTES = 1_024;

const NUMBER_RULES = numberRules(NUMBERS);
const A_HUB_LOG = withMethods('a HubLog', ['open', 'append', 'close']);
const HUB_RULES: OptionRules<HubOptions> = {
  ...NUMBER_RULES,
  heartbeatEvent: A_BOOLEAN,
  allowedOrigins: AN_ARRAY,
  allowCrossSite: A_BOOLEAN,
  log: {
    text: 'a HubLog whose epoch is 22 base64url characters',
    accepts: (log) => A_HUB_LOG.accepts(log) && isResumeKey((log as HubLog).epoch), // the ids of others cannot be returned with
  },
  clock: A_CLOCK,
};

/** @throws TaskError `INVALID_OPTION` naming the option, the rule and the value. */
export function resolveHubOptions(options: HubOptions): ResolvedHubOptions {
  const given = checkOptions('createHub', options, HUB_RULES);
  const numbers = numbersOf(NUMBERS, given);
  // A limit that was given alone pulls the defaults of the others along.
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
