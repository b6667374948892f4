/** The messages between requesters and workers. */
import { headers, type Msg, type MsgHdrs } from '@nats-io/transport-node';
import type { PublicError } from '../../../core/errors.js';
import { assertOption, checkRange } from '../../../core/check-options.js';
import { rangeOf } from '../../nats-options.js';
import type { Origin } from '../../presence/presence.js';
import { checkClientId } from '../../subject.js';

/** The terms of a request, which travel in its headers; the data travels unchanged. */
export interface RequestTerms {
  readonly clientId: string;
  readonly origin: Origin;
  /** The interval at which the worker says that it is alive, in ms. */
  readonly beatMs: number;
  /** The number of messages by which the worker may be ahead of the requester's program. */
  readonly windowMessages: number;
  readonly windowBytes: number;
}

/** A frame of a worker. The reply subject of each frame is where the worker listens. */
export type Frame =
  /** Carries messages; the first one has the seq `seq`. */
  | { readonly kind: 'data'; readonly seq: number; readonly messages: readonly Uint8Array[] }
  /** Says that the worker is alive and has sent everything up to `seq`. The requester answers, naming the last question it heard. */
  | { readonly kind: 'beat'; readonly seq: number; readonly question: number }
  /** Says that the message `seq` was the last one. */
  | { readonly kind: 'end'; readonly seq: number; readonly result: Uint8Array }
  | { readonly kind: 'error'; readonly seq: number; readonly code: string; readonly message: string };

/** A control message of a requester to a worker. */
export type Control =
  /**
   * Reports the totals of messages and bytes taken so far (so that a later report makes up for a lost one), the number of
   * watchers, and the last question of the worker that this answers.
   */
  | {
      readonly kind: 'credit';
      readonly messages: number;
      readonly bytes: number;
      readonly watchers: number;
      readonly question: number;
    }
  | { readonly kind: 'stop' };

const FRAME = 'Stream-Frame';
const SEQ = 'Stream-Seq';
const QUESTION = 'Stream-Question';
const CLIENT = 'Stream-Client';
const ORIGIN = 'Stream-Origin';
const BEAT = 'Stream-Beat';
const WINDOW = 'Stream-Window';

/** The largest header of a frame, in bytes. A message must be smaller than the server's limit by this much. */
export const FRAME_HEAD_BYTES = 128;
/** The size of the big-endian length that precedes each message in the body of a data frame. */
export const LENGTH_BYTES = 4;

/**
 * Returns a copy of a program's own headers, which are sent along with the terms.
 * @throws TaskError `INVALID_OPTION` for anything that is not made of names with lists of values, or that NATS refuses
 */
export function copyHeaders(given: MsgHdrs | undefined): MsgHdrs {
  const head = headers();
  let isLegal = true;
  try {
    for (const [key, values] of given ?? []) {
      isLegal &&= Array.isArray(values); // a `Headers` or a Map has texts, which would be sent character by character
      if (isLegal) for (const value of values) head.append(key, value);
    }
  } catch {
    isLegal = false;
  }
  assertOption(isLegal, 'headers', 'MsgHdrs with legal names and values', given);
  return head;
}

/** Writes the terms into `head`, and returns it. */
export function encodeTerms(terms: RequestTerms, head: MsgHdrs): MsgHdrs {
  head.set(CLIENT, terms.clientId);
  head.set(ORIGIN, `${terms.origin.gateway} ${terms.origin.version}`);
  head.set(BEAT, String(terms.beatMs));
  head.set(WINDOW, `${terms.windowMessages} ${terms.windowBytes}`);
  return head;
}

/** Returns an upper bound of the bytes that headers take in a message. */
export function sizeOf(head: MsgHdrs): number {
  let size = 'NATS/1.0'.length + 4;
  for (const [key, values] of head) for (const value of values) size += Buffer.byteLength(`${key}: ${value}`) + 2;
  return size;
}

/** Decodes what a requester sends. Returns undefined for anything else. */
export function decodeTerms(head: MsgHdrs | undefined): RequestTerms | undefined {
  if (head === undefined) return undefined;
  const [, gateway = '', version] = /^([\w-]{22}) (\d{1,15})$/.exec(head.get(ORIGIN)) ?? [];
  const [, messages, bytes] = /^(\d{1,15}) (\d{1,15})$/.exec(head.get(WINDOW)) ?? [];
  const clientId = head.get(CLIENT);
  if (version === undefined) return undefined;
  try {
    checkClientId(clientId);
    return {
      clientId,
      origin: { gateway, version: Number(version) },
      beatMs: checkRange(BEAT, rangeOf('beatMs'), Number(head.get(BEAT))),
      windowMessages: checkRange(WINDOW, rangeOf('windowMessages'), Number(messages)),
      windowBytes: checkRange(WINDOW, rangeOf('windowBytes'), Number(bytes)),
    };
  } catch {
    return undefined;
  }
}

/** Writes the headers of a frame. @param question the last question, which only a beat carries */
export function encodeHead(kind: Frame['kind'], seq: number, question = 0): MsgHdrs {
  const head = headers();
  head.set(FRAME, kind);
  head.set(SEQ, String(seq));
  if (kind === 'beat' && question > 0) head.set(QUESTION, String(question));
  return head;
}

/** Encodes the body of an error frame. */
export const encodeError = ({ code, message }: PublicError): Uint8Array =>
  Buffer.from(JSON.stringify({ code, message }));

/** Decodes a frame. Returns undefined for anything that no worker sends. */
export function decodeFrame(msg: Msg): Frame | undefined {
  const kind = msg.headers?.get(FRAME) ?? '';
  const text = msg.headers?.get(SEQ) ?? '';
  if (!/^\d{1,15}$/.test(text)) return undefined;
  const seq = Number(text);
  switch (kind) {
    case 'data': {
      const messages = unpackMessages(msg.data);
      return messages && { kind, seq, messages };
    }
    case 'beat':
      return decodeBeat(seq, msg.headers?.get(QUESTION) ?? '');
    case 'end':
      return { kind, seq, result: msg.data };
    case 'error':
      return decodeError(seq, msg.string());
    default:
      return undefined;
  }
}

function decodeBeat(seq: number, question: string): Frame | undefined {
  return /^\d{0,15}$/.test(question) ? { kind: 'beat', seq, question: Number(question) } : undefined;
}

function decodeError(seq: number, text: string): Frame | undefined {
  try {
    const { code, message } = JSON.parse(text) as { code?: unknown; message?: unknown };
    if (typeof code !== 'string' || typeof message !== 'string' || !/^[A-Z][A-Z_]{0,63}$/.test(code)) return undefined;
    return { kind: 'error', seq, code, message };
  } catch {
    return undefined;
  }
}

export function encodeControl(control: Control): string {
  if (control.kind === 'stop') return 'stop';
  return `credit ${control.messages} ${control.bytes} ${control.watchers} ${control.question}`;
}

/** Decodes what a requester sends. Returns undefined for anything else. */
export function decodeControl(text: string): Control | undefined {
  if (text === 'stop') return { kind: 'stop' };
  const match = /^credit (\d{1,15}) (\d{1,15}) (\d{1,15}) (\d{1,15})$/.exec(text);
  if (match === null) return undefined;
  const [messages = 0, bytes = 0, watchers = 0, question = 0] = match.slice(1).map(Number);
  return { kind: 'credit', messages, bytes, watchers, question };
}

/** Splits `body` into views of its messages. Returns undefined where lengths and body disagree, or there is no message. */
function unpackMessages(body: Uint8Array): Uint8Array[] | undefined {
  const view = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const messages: Uint8Array[] = [];
  let at = 0;
  while (at + LENGTH_BYTES <= view.length) {
    const start = at + LENGTH_BYTES;
    at = start + view.readUInt32BE(at);
    messages.push(view.subarray(start, at));
  }
  return at === view.length && messages.length > 0 ? messages : undefined;
}
