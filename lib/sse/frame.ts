/** Encodes and decodes single events as `text/event-stream`. */
import { formatEventId } from './event-id.js';

/**
 * Encodes one event as `text/event-stream`. Pure. `json` is JSON text and `event` has been checked, so neither holds a
 * line break.
 *
 * The id is the last line, because a client that takes the id before it dispatches the event would skip the event if
 * the connection were cut between the two.
 */
export function encodeEvent(
  resumeKey: string,
  seq: number,
  event: string | undefined,
  json: string,
  epoch = 1,
): string {
  return encodeFrame(event, json, formatEventId(resumeKey, seq, epoch));
}

/** Encodes one event of a task, in the shape that stores call. */
export function encodeTaskEvent(
  { resumeKey, epoch }: { readonly resumeKey: string; readonly epoch: number },
  seq: number,
  event: string | undefined,
  json: string,
): string {
  return encodeEvent(resumeKey, seq, event, json, epoch);
}

/** Encodes an event with any id that holds no line break. Without an id it leaves the client's position unchanged. */
export function encodeFrame(event: string | undefined, json: string, id: string | undefined): string {
  const name = event === undefined ? '' : `event: ${event}\n`;
  return id === undefined ? `${name}data: ${json}\n\n` : `${name}data: ${json}\nid: ${id}\n\n`;
}

/** [spec] "If the field value consists of only ASCII digits, then … set the event stream's reconnection time". */
export const encodeRetry = (retryMs: number): string => `retry: ${retryMs}\n`;

/** [spec] Lines that start with a colon are ignored; they keep proxies and watchdogs from closing an idle connection. */
export const HEARTBEAT = ': heartbeat\n\n';

/** The contents of a decoded frame. */
export interface Frame {
  readonly event: string | undefined;
  readonly data: string;
  readonly seq: number;
}

/** Decodes the frames that `encodeEvent` wrote, in order. */
export function* decodeEvents(text: string): Generator<Frame> {
  for (const block of text.split('\n\n')) {
    if (block === '') continue;
    let event: string | undefined;
    let data = '';
    let seq = 0;
    for (const line of block.split('\n')) {
      const colon = line.indexOf(': ');
      const value = line.slice(colon + 2);
      const field = line.slice(0, colon);
      if (field === 'event') event = value;
      else if (field === 'data') data = value;
      else if (field === 'id') seq = Number(value.split('.')[1]);
    }
    yield { event, data, seq };
  }
}

/**
 * One event as programs receive it, the same on the server and in the client. `seq` is its number in the log; `gap` and
 * `snapshot` stand for events that the log no longer has.
 */
export type TaskEvent<P = unknown, R = unknown> =
  | { kind: 'progress'; seq: number; data: P }
  | { kind: 'event'; seq: number; event: string; data: unknown }
  | { kind: 'gap'; from: number; to: number; reason: 'trimmed' | 'ahead' | 'lost' }
  | { kind: 'snapshot'; seq: number; data: unknown }
  | { kind: 'complete'; seq: number; result: R }
  | { kind: 'failed'; seq: number; error: { code: string; message: string } }
  | { kind: 'cancelled'; seq: number; code: string; reason: string };

/** The members of the library's own events. Each event has some of them. */
interface ControlData {
  readonly from: number;
  readonly to: number;
  readonly code: string;
  readonly reason: never;
  readonly result: never;
  readonly error: { readonly code: string; readonly message: string };
}

/**
 * Returns the event that a frame stands for; `json` is its data. Not for `task` frames, which are not events of the
 * log.
 * @throws SyntaxError where `json` is none
 */
export function toTaskEvent<P, R>(event: string | undefined, json: string, seq: number): TaskEvent<P, R> {
  const data: unknown = JSON.parse(json);
  const control = data as ControlData;
  switch (event) {
    case undefined:
    case 'snapshot':
      return { kind: event ?? 'progress', seq, data: data as P };
    case 'gap':
      return { kind: event, ...control };
    case 'complete':
      return { kind: event, seq, result: control.result };
    case 'failed':
      return { kind: event, seq, error: control.error };
    case 'cancelled':
      return { kind: event, seq, code: control.code, reason: control.reason };
    default:
      return { kind: 'event', seq, event, data };
  }
}
