/** Answers streaming requests with handlers. */
import type { NatsConnection, Subscription as NatsSubscription } from '@nats-io/transport-node';
import { systemClock, type Clock } from '../../core/clock.js';
import {
  A_BOOLEAN,
  A_FUNCTION,
  A_STRING,
  ANYTHING,
  assertOption,
  checkOptions,
  required,
  type OptionRules,
} from '../../core/check-options.js';
import { TaskError } from '../../core/errors.js';
import { unlessClosed, within } from '../connection.js';
import { warn } from '../warn.js';
import { INBOX_PREFIX, numberOption, numberRule, WIRE_RULES } from '../nats-options.js';
import { asPresenceNode, type Presence } from '../presence/presence.js';
import { RequestQueue, type ResponderWire } from './request-queue.js';
import type { StreamHandler, StreamRequest, SubscribeOptions, Subscription } from './stream-handler.js';
import { checkSubscription } from '../subject.js';
import { randomKey } from '../../core/task/random-key.js';
import { OutgoingStream } from './outgoing-stream.js';

/** Options of `createStreamResponder`. */
export interface StreamResponderOptions {
  /** Your connection, which the library never closes. */
  connection: NatsConnection;
  /** Knows who is online. Its listener is started with the first subscription, unless you have started it. */
  presence: Presence;
  /** The prefix of the subjects on which requesters answer. Default `_INBOX`. */
  inboxPrefix?: string;
  /** Shows requesters the message of any error of a handler, not only of a TaskError. Default false. */
  exposeErrors?: boolean;
  /** Receives the real error of a handler that has thrown. Default: a process warning. */
  onError?: (error: unknown, request: StreamRequest) => void;
  /** The source of time. Default: the system's. */
  clock?: Clock;
}

/** Runs the handlers of a worker. `createStreamResponder` makes one. */
export interface StreamResponder {
  /** Answers the requests to `subject` with `handler`. @throws TaskError `INVALID_OPTION`, or `SHUTDOWN` after `stop` */
  subscribe(subject: string, handler: StreamHandler, options?: SubscribeOptions): Subscription;
  /** Returns the counts of this responder. */
  getStatistics(): ResponderStatistics;
  /**
   * Drains all subscriptions for at most `graceMs` (default Infinity), and then ends the requests that are left. Idempotent.
   * @throws TaskError `INVALID_OPTION`
   */
  stop(options?: { graceMs?: number }): Promise<void>;
}

/** Counts of one responder. */
export interface ResponderStatistics {
  /** The number of handlers that run now. */
  readonly running: number;
  /** The number of requests that wait for a handler. */
  readonly waiting: number;
  /** The number of messages that no requester of this version sends. */
  readonly dropped: number;
}

/** The longest time that the last messages may take to be sent, in ms. */
const LAST_WORDS_MS = 1_000;
/** The pause before presence that could not be followed is tried again, in ms. */
const RETRY_MS = 1_000;

const RESPONDER_RULES: OptionRules<StreamResponderOptions> = {
  ...WIRE_RULES,
  connection: required(WIRE_RULES.connection),
  presence: ANYTHING, // asPresenceNode says what is wrong with it
  exposeErrors: A_BOOLEAN,
  onError: A_FUNCTION,
};
const SUBSCRIBE_RULES: OptionRules<SubscribeOptions> = {
  queue: A_STRING,
  maxConcurrent: numberRule('maxConcurrent'),
  maxWaiting: numberRule('maxWaiting'),
};
const STOP_RULES: OptionRules<{ graceMs?: number }> = { graceMs: numberRule('graceMs') };

/**
 * Makes a responder, with which a worker answers requests.
 * @throws TaskError `INVALID_OPTION`
 * @example
 * const responder = createStreamResponder({ connection, presence });
 * responder.subscribe('summaries', async ({ data, signal }, sender) => {
 *   for await (const part of summarize(data, signal)) await sender.send(part);
 * });
 */
export function createStreamResponder(given: StreamResponderOptions): StreamResponder {
  const options = checkOptions('createStreamResponder', given, RESPONDER_RULES);
  const { connection, inboxPrefix = INBOX_PREFIX, exposeErrors = false, onError = tellProcess } = options;
  const presence = asPresenceNode(options.presence);
  const control = `${inboxPrefix}.${randomKey()}`;
  const { clock = systemClock } = options;
  return new NatsResponder({ connection, presence, control, exposeErrors, onError, clock });
}

class NatsResponder implements StreamResponder {
  readonly #queues = new Set<RequestQueue>();
  readonly #streams = new Map<string, OutgoingStream>();
  #lastStream = 0;
  #answers: NatsSubscription | undefined;
  #dropped = 0;
  #stopping: Promise<void> | undefined;
  #cancelRetry: (() => void) | undefined;

  constructor(readonly wire: Omit<ResponderWire, 'open' | 'drop' | 'over'> & { readonly control: string }) {}

  subscribe(subject: string, handler: StreamHandler, given: SubscribeOptions = {}): Subscription {
    if (this.#stopping !== undefined) throw new TaskError('SHUTDOWN', 'The responder has been stopped');
    checkSubscription('subject', subject);
    assertOption(typeof handler === 'function', 'handler', 'a function', handler);
    const options = checkOptions('subscribe', given, SUBSCRIBE_RULES);
    if (options.queue !== undefined) checkSubscription('queue', options.queue);
    const maxConcurrent = numberOption('maxConcurrent', options.maxConcurrent);
    const maxWaiting = numberOption('maxWaiting', options.maxWaiting);
    this.#listen();
    const open: ResponderWire['open'] = (inbox, terms) => {
      const token = (++this.#lastStream).toString(36);
      const { connection, clock, control } = this.wire;
      const stream = new OutgoingStream({ connection, clock, inbox, control: `${control}.${token}` }, terms);
      this.#streams.set(token, stream);
      stream.whenOver(() => this.#streams.delete(token));
      return stream;
    };
    const wire = {
      ...this.wire,
      open,
      drop: () => {
        this.#dropped++;
      },
      over: (ended: RequestQueue) => void this.#queues.delete(ended),
    };
    const queue = new RequestQueue(wire, subject, handler, { queue: options.queue, maxConcurrent, maxWaiting });
    this.#queues.add(queue);
    return queue;
  }

  getStatistics(): ResponderStatistics {
    const sum = (of: (queue: RequestQueue) => number): number =>
      [...this.#queues].reduce((all, one) => all + of(one), 0);
    return { running: sum(({ running }) => running), waiting: sum(({ waiting }) => waiting), dropped: this.#dropped };
  }

  stop(options: { graceMs?: number } = {}): Promise<void> {
    const given = checkOptions('stop', options, STOP_RULES);
    const graceMs = numberOption('graceMs', given.graceMs);
    return (this.#stopping ??= this.#stop(graceMs));
  }

  async #stop(graceMs: number): Promise<void> {
    const { clock, connection } = this.wire;
    const queues = [...this.#queues];
    this.#cancelRetry?.();
    await within(clock, graceMs, Promise.all(queues.map((queue) => queue.drain())));
    for (const queue of queues) queue.unsubscribe();
    unlessClosed(() => this.#answers?.unsubscribe());
    await within(clock, LAST_WORDS_MS, connection.flush());
  }

  /** Opens the one subscription on which all requesters answer. */
  #listen(): void {
    if (this.#answers !== undefined) return;
    const { connection, control } = this.wire;
    this.#answers = connection.subscribe(`${control}.*`, {
      callback: (error, msg) => {
        if (error !== null) return;
        // A message for a stream that is over is late, not wrong.
        const stream = this.#streams.get(msg.subject.slice(control.length + 1));
        if (stream !== undefined && !stream.receive(msg)) this.#dropped++;
      },
    });
    this.#follow((error) => {
      warn(error, 'presence cannot be followed yet');
    });
  }

  /** Follows presence, and tries again until that works. Until then streams end only by stops and missing beats. */
  #follow(tell: (error: unknown) => void): void {
    const { clock, connection, presence } = this.wire;
    presence.startClientOfflineListener().catch((error: unknown) => {
      tell(error);
      if (this.#stopping === undefined && !connection.isClosed()) {
        this.#cancelRetry = clock.after(RETRY_MS, () => this.#follow(() => undefined)); // it has been reported once
      }
    });
  }
}

function tellProcess(error: unknown, { subject }: StreamRequest): void {
  warn(error, `in a handler of ${subject}`);
}
