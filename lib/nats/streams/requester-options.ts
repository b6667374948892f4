/** The options of requesters and of their requests, and the rules that they obey. */
import type { MsgHdrs, NatsConnection } from '@nats-io/transport-node';
import type { Clock } from '../../core/clock.js';
import { A_FUNCTION, A_SIGNAL, ANYTHING, required, type OptionRules } from '../../core/check-options.js';
import { numberRule, WIRE_RULES } from '../nats-options.js';
import type { Presence } from '../presence/presence.js';
import type { OnMessage } from './messages/stream-message.js';

/** Options of `createStreamRequester`. */
export interface StreamRequesterOptions {
  /** Your connection, which the library never closes. */
  connection: NatsConnection;
  /**
   * Knows who is online; mark a client as online before you send a request for it. Default: a presence of the requester's
   * own, in which a client is online while a stream for it is open. Stop that one with `requester.presence.stop()`.
   */
  presence?: Presence;
  /** The prefix below which each stream gets an inbox of its own. Default `_INBOX`. */
  inboxPrefix?: string;
  /** The interval at which workers say that they are alive, in ms. A worker that misses three is lost. Default 1_000. */
  beatMs?: number;
  /** The number of messages by which a worker may be ahead of your loop. Default 1_024. */
  windowMessages?: number;
  /** The number of bytes by which a worker may be ahead of your loop. Default 8_388_608 (8 MiB). */
  windowBytes?: number;
  /**
   * The number of bytes by which all workers together may be ahead. Each new stream gets a quarter of what is left, at
   * least 32 KiB. Keep it below `max_pending` of the server (64 MiB), which cuts a connection that is further behind.
   * Default 33_554_432 (32 MiB).
   */
  maxBufferedBytes?: number;
  /** The source of time. Default: the system's. */
  clock?: Clock;
}

/** Options of `StreamRequester.streamRequestWithClient`. */
export interface StreamRequestOptions {
  /** Stops the stream and its worker; iterating throws its reason. */
  signal?: AbortSignal;
  /**
   * The time for which a living worker may send no message before iterating throws `WORKER_TIMEOUT`, in ms. Default
   * Infinity.
   */
  idleTimeoutMs?: number;
  /**
   * Receives each message instead of a loop. Returning false stops the stream and its worker. An error that it throws or
   * rejects with ends the stream; a promise is not awaited.
   */
  onMessage?: OnMessage;
  /** Headers that are sent along with the request. */
  headers?: MsgHdrs;
  /** Answers a worker that asks how many clients watch. Default: 1. */
  watchers?: () => number;
}

export const REQUESTER_RULES: OptionRules<StreamRequesterOptions> = {
  ...WIRE_RULES,
  connection: required(WIRE_RULES.connection),
  presence: ANYTHING, // asPresenceNode says what is wrong with it
  beatMs: numberRule('beatMs'),
  windowMessages: numberRule('windowMessages'),
  windowBytes: numberRule('windowBytes'),
  maxBufferedBytes: numberRule('maxBufferedBytes'),
};
export const REQUEST_RULES: OptionRules<StreamRequestOptions> = {
  signal: A_SIGNAL,
  idleTimeoutMs: numberRule('idleTimeoutMs'),
  onMessage: A_FUNCTION,
  headers: { text: 'MsgHdrs', accepts: (value) => Symbol.iterator in Object(value) },
  watchers: A_FUNCTION,
};
