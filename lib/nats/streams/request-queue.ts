/** Runs the requests to one subject. */
import { headers, type Msg, type NatsConnection, type Subscription as NatsSubscription } from '@nats-io/transport-node';
import type { Clock } from '../../core/clock.js';
import { TaskError, toPublicError } from '../../core/errors.js';
import { clientOffline } from '../presence/offline-watchers.js';
import { unlessClosed } from '../connection.js';
import { decodeTerms, type RequestTerms } from './messages/stream-protocol.js';
import { notifyCallback } from '../../core/callbacks.js';
import { readProperty } from '../../core/thrown.js';
import { warn } from '../warn.js';
import type { PresenceNode } from '../presence/presence.js';
import type { StreamHandler, StreamRequest, Subscription } from './stream-handler.js';
import type { OutgoingStream } from './outgoing-stream.js';

/** The surroundings that all subscriptions of one responder share. */
export interface ResponderWire {
  readonly connection: NatsConnection;
  readonly presence: PresenceNode;
  readonly clock: Clock;
  readonly exposeErrors: boolean;
  readonly onError: (error: unknown, request: StreamRequest) => void;
  readonly open: (inbox: string, terms: RequestTerms) => OutgoingStream;
  /** Counts a message that no requester sends. */
  readonly drop: () => void;
  /** Reports that nothing runs, waits or arrives any more. */
  readonly over: (queue: RequestQueue) => void;
}

interface Limits {
  readonly queue: string | undefined;
  readonly maxConcurrent: number;
  readonly maxWaiting: number;
}

interface Accepted {
  readonly msg: Msg;
  readonly terms: RequestTerms;
  readonly stream: OutgoingStream;
}

/** The longest error text that is sent to a requester, in bytes. */
const MAX_ERROR_BYTES = 8_192;

/** Answers the requests to one subject. Some run, some wait, and each has a stream that beats from its arrival on. */
export class RequestQueue implements Subscription {
  readonly #subscription: NatsSubscription;
  readonly #waiting = new Set<Accepted>();
  readonly #running = new Set<Accepted>();
  /** Resolves when no more requests are taken and all of them are answered. */
  readonly #answered: Promise<void>;
  #tellAnswered: (() => void) | undefined;
  #takesMore = true;
  #draining: Promise<void> | undefined;

  constructor(
    readonly wire: ResponderWire,
    readonly subject: string,
    readonly handler: StreamHandler,
    readonly limits: Limits,
  ) {
    const callback = (error: Error | null, msg: Msg): void => {
      if (error === null) this.#receive(msg);
      else warn(error, `in the subscription to ${subject}`);
    };
    this.#answered = new Promise((resolve) => (this.#tellAnswered = resolve));
    const { queue } = limits;
    this.#subscription = wire.connection.subscribe(subject, { callback, ...(queue !== undefined && { queue }) });
  }

  get running(): number {
    return this.#running.size;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  drain(): Promise<void> {
    return (this.#draining ??= this.#drain());
  }

  unsubscribe(): void {
    unlessClosed(() => this.#subscription.unsubscribe());
    this.#takesMore = false;
    const reason = new TaskError('SHUTDOWN', 'The worker is shutting down');
    for (const { stream } of [...this.#waiting, ...this.#running]) stream.abandon(reason, true);
    this.#tellAnswered?.(); // a handler that ignores its signal keeps nobody waiting
    this.#checkOver();
  }

  async #drain(): Promise<void> {
    // Requests that the server has already sent are still taken. A closed connection has none left.
    const drained = this.#subscription.drain().catch(() => undefined);
    void drained.then(() => {
      this.#takesMore = false;
      this.#checkOver();
    });
    await this.#answered;
    await this.wire.connection.flush().catch(() => undefined);
  }

  #receive(msg: Msg): void {
    const { presence, open, drop } = this.wire;
    const terms = decodeTerms(msg.headers);
    if (terms === undefined || msg.reply === undefined || msg.reply === '') {
      drop();
      return;
    }
    const { clientId } = terms;
    presence.seen(terms.origin, clientId);
    const stream = open(msg.reply, terms);
    if (this.#running.size >= this.limits.maxConcurrent && this.#waiting.size >= this.limits.maxWaiting) {
      stream.fail(new TaskError('AT_CAPACITY', 'Too many requests wait for this worker'));
      return;
    }
    if (!presence.isClientOnline(clientId)) stream.abandon(clientOffline(clientId), true);
    if (stream.isOver) return;
    const accepted = { msg, terms, stream };
    this.#waiting.add(accepted);
    const unwatch = presence.watch(clientId, () => {
      stream.abandon(clientOffline(clientId), true);
    });
    stream.whenOver(() => {
      unwatch();
      if (this.#waiting.delete(accepted)) this.#next(); // it was cancelled before it began
    });
    this.#next();
  }

  #next(): void {
    for (const accepted of this.#waiting) {
      if (this.#running.size >= this.limits.maxConcurrent) return;
      this.#waiting.delete(accepted);
      this.#running.add(accepted);
      void this.#run(accepted);
    }
    this.#checkOver();
  }

  #checkOver(): void {
    if (this.#takesMore || this.#running.size + this.#waiting.size > 0) return;
    this.#tellAnswered?.();
    this.wire.over(this);
  }

  async #run(accepted: Accepted): Promise<void> {
    const { stream } = accepted;
    const request = requestOf(accepted);
    try {
      await this.handler(request, {
        send: (data) => stream.send(data),
        end: (result) => stream.end(result),
      });
      await stream.ensureEnd();
    } catch (error) {
      stream.fail(toPublicError(error, { exposeErrors: this.wire.exposeErrors, maxEventBytes: MAX_ERROR_BYTES }));
      if (!isCausedByStop(error, stream.signal)) notifyCallback('onError', this.wire.onError, error, request);
    }
    this.#running.delete(accepted);
    this.#next();
  }
}

function requestOf({ msg, terms, stream }: Accepted): StreamRequest {
  return {
    data: msg.data,
    clientId: terms.clientId,
    subject: msg.subject,
    signal: stream.signal,
    headers: msg.headers ?? headers(),
    watchers: () => stream.watchers(),
  };
}

/** Tells whether a handler has thrown `error` because its stream was stopped: the reason or an AbortError. */
function isCausedByStop(error: unknown, { aborted, reason }: AbortSignal): boolean {
  return aborted && (error === reason || readProperty(error, 'name') === 'AbortError');
}
