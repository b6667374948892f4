import { headers, type Msg, type MsgHdrs } from '@nats-io/transport-node';
import type { PublicError } from '../../core/errors.js';
import { checkRange } from '../../core/options.js';
import { rangeOf } from '../options.js';
import type { Origin } from '../presence/presence.js';
import { checkClientId } from '../subject.js';

/** What a requester asks for beside its data: it travels in headers, the data as it is. */
export interface RequestTerms {
  readonly clientId: string;
  readonly origin: Origin;
  /** How often the worker says that it lives. */
  readonly beatMs: number;
  /** How far the worker may be ahead of what the requester's program has taken. */
  readonly windowMessages: number;
  readonly windowBytes: number;
}

/** What a worker sends; the reply subject of each is where it listens. */
export type Frame =
  /** Messages with the seqs from `seq` on. */
  | { readonly kind: 'data'; readonly seq: number; readonly messages: readonly Uint8Array[] }
  /** It lives, and has sent all up to `seq`. The requester answers, and says which question it has heard. */
  | { readonly kind: 'beat'; readonly seq: number; readonly question: number }
  /** It has sent all, the last with `seq`. */
  | { readonly kind: 'end'; readonly seq: number; readonly result: Uint8Array }
  | { readonly kind: 'error'; readonly seq: number; readonly code: string; readonly message: string };

/** What a requester sends to a worker. */
export type Control =
  /**
   * Messages and bytes that have been taken, all of them so far, so that a later one makes up for one that was lost; how
   * many watch, and the last question of the worker that this answers.
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

/** The largest head of a frame, so much less than the server's limit may a message have. */
export const FRAME_HEAD_BYTES = 128;
/** The body of a data frame: before each message stands its length, big-endian. */
export const LENGTH_BYTES = 4;

/** @param given the program's own headers, which go along */
export function encodeTerms(terms: RequestTerms, given: MsgHdrs | undefined): MsgHdrs {
  const head = headers();
  for (const [key, values] of given ?? []) for (const value of values) head.append(key, value);
  head.set(CLIENT, terms.clientId);
  head.set(ORIGIN, `${terms.origin.gateway} ${terms.origin.version}`);
  head.set(BEAT, String(terms.beatMs));
  head.set(WINDOW, `${terms.windowMessages} ${terms.windowBytes}`);
  return head;
}

/** What headers take of a message, at the most. */
export function sizeOf(head: MsgHdrs): number {
  let size = 'NATS/1.0'.length + 4;
  for (const [key, values] of head) for (const value of values) size += Buffer.byteLength(`${key}: ${value}`) + 2;
  return size;
}

/** Undefined for what no requester sends. */
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

/** @param seq as in `Frame`, and `question` of a beat, where there was any */
export function encodeHead(kind: Frame['kind'], seq: number, question = 0): MsgHdrs {
  const head = headers();
  head.set(FRAME, kind);
  head.set(SEQ, String(seq));
  if (kind === 'beat' && question > 0) head.set(QUESTION, String(question));
  return head;
}

/** The body of an error frame. */
export const encodeError = ({ code, message }: PublicError): Uint8Array =>
  Buffer.from(JSON.stringify({ code, message }));

/** Undefined for what no worker sends. */
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

/** Undefined for what no requester sends. */
export function decodeControl(text: string): Control | undefined {
  if (text === 'stop') return { kind: 'stop' };
  const match = /^credit (\d{1,15}) (\d{1,15}) (\d{1,15}) (\d{1,15})$/.exec(text);
  if (match === null) return undefined;
  const [messages = 0, bytes = 0, watchers = 0, question = 0] = match.slice(1).map(Number);
  return { kind: 'credit', messages, bytes, watchers, question };
}

/** Views of `body`. Undefined where lengths and body do not fit, or there is no message. */
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
