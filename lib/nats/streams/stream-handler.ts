import type { MsgHdrs } from '@nats-io/transport-node';

/** The way to one client, through the gateway that asked for it. */
export interface ResponseSender {
  /**
   * Resolves as soon as the requester has room for more, usually at once; sends in the order of the calls. Need not be
   * awaited, but only who awaits is slowed down. The bytes may be used again when it returns.
   * Rejects with TaskError `CLIENT_OFFLINE` as soon as it is known that nobody will read it, `ENDED` after the end,
   * `EVENT_TOO_LARGE` over what the server takes (nothing is sent then).
   */
  send(data: Uint8Array | string): Promise<void>;
  /** Ends the stream after all that was sent, with `result` for `finished` of the requester. Rejects as `send`. */
  end(result?: Uint8Array | string): Promise<void>;
}

export interface StreamRequest {
  readonly data: Uint8Array;
  /** Whom the answer is for. */
  readonly clientId: string;
  /** The subject it was sent to. */
  readonly subject: string;
  /** Aborts with TaskError `CLIENT_OFFLINE` when nobody will read the answer, `SHUTDOWN` when the subscription ends at once. */
  readonly signal: AbortSignal;
  readonly headers: MsgHdrs;
  /** Asks the requester how many watch now: clients of a remote task; else 1. Rejects when the stream is over. */
  watchers(): Promise<number>;
}

/** Answers one request. When it resolves the stream ends, if it has not; what it throws becomes an error for the requester. */
export type StreamHandler = (request: StreamRequest, sender: ResponseSender) => void | Promise<void>;

export interface SubscribeOptions {
  /** Workers with the same name share the requests. Default: each worker gets all. */
  queue?: string;
  /** Handlers that run at a time; further requests wait, and their requesters know. Default 100. */
  maxConcurrent?: number;
  /** Requests that wait; further ones fail with `AT_CAPACITY`. Default 1_000. */
  maxWaiting?: number;
}

export interface Subscription {
  readonly subject: string;
  /** Handlers that run now. */
  readonly running: number;
  readonly waiting: number;
  /** Takes no more requests; resolves when all that came are answered. */
  drain(): Promise<void>;
  /** Takes no more requests, and ends those that came with `SHUTDOWN`. Idempotent. */
  unsubscribe(): void;
}
