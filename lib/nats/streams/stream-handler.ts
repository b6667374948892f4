/** The public types of a worker: its requests, its handler, and its subscriptions. */
import type { MsgHdrs } from '@nats-io/transport-node';

/** Sends messages to one client, through the gateway that asked for them. */
export interface ResponseSender {
  /**
   * Sends a message, in the order of the calls. Resolves as soon as the requester has room for more, usually at once.
   * Awaiting is optional, but only a handler that awaits is slowed down by a slow reader. The bytes may be used again
   * when the call returns. Rejects with TaskError `CLIENT_OFFLINE` as soon as nobody is there to read, `ENDED` after the
   * end, and `EVENT_TOO_LARGE` above the server's limit, in which case nothing is sent.
   */
  send(data: Uint8Array | string): Promise<void>;
  /** Ends the stream after everything sent so far. `result` goes to `finished` of the requester. Rejects as `send` does. */
  end(result?: Uint8Array | string): Promise<void>;
}

/** A request, as the handler of a worker receives it. */
export interface StreamRequest {
  /** The body, as the requester gave it. */
  readonly data: Uint8Array;
  /** The client that the answer is for. */
  readonly clientId: string;
  /** The subject that the request was sent to. */
  readonly subject: string;
  /** Aborts with TaskError `CLIENT_OFFLINE` when nobody reads the answer any more, or `SHUTDOWN` when the subscription is ended. */
  readonly signal: AbortSignal;
  /** All headers, those of the library included. */
  readonly headers: MsgHdrs;
  /** Asks the requester how many clients watch now: those attached to a remote task, otherwise 1. Rejects when the stream is over. */
  watchers(): Promise<number>;
}

/** Answers one request. The stream ends when it resolves, and fails with what it throws. */
export type StreamHandler = (request: StreamRequest, sender: ResponseSender) => void | Promise<void>;

/** Options of `StreamResponder.subscribe`. */
export interface SubscribeOptions {
  /** Workers with the same queue name share the requests. Default: each worker gets all of them. */
  queue?: string;
  /** Handlers that run at a time. Further requests wait, and their requesters know that. Default 100. */
  maxConcurrent?: number;
  /** Requests that may wait. Further ones fail with `AT_CAPACITY`. Default 1_000. */
  maxWaiting?: number;
}

/** A worker's subscription to one subject. */
export interface Subscription {
  /** The subject as it was given. */
  readonly subject: string;
  /** The number of handlers that run now. */
  readonly running: number;
  /** The number of requests that wait for a handler. */
  readonly waiting: number;
  /** Takes no more requests. Resolves when all that have arrived are answered. */
  drain(): Promise<void>;
  /** Takes no more requests, and ends those that have arrived with `SHUTDOWN`. Idempotent. */
  unsubscribe(): void;
}
