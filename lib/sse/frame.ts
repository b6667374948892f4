import { formatEventId } from './event-id.js';

/**
 * One event as `text/event-stream`. Pure. `json` is JSON text and `event` was checked, so neither holds a line break.
 *
 * The id is the last line: clients that take it before they dispatch the event would skip the event when the
 * connection is cut between the two.
 */
export function encodeEvent(resumeKey: string, seq: number, event: string | undefined, json: string): string {
  return encodeFrame(event, json, formatEventId(resumeKey, seq));
}

/** The same with any id that holds no line break, or without one: then it leaves the client's position alone. */
export function encodeFrame(event: string | undefined, json: string, id: string | undefined): string {
  const name = event === undefined ? '' : `event: ${event}\n`;
  const last = id === undefined ? '' : `id: ${id}\n`;
  return `${name}data: ${json}\n${last}\n`;
}

/** [spec] "If the field value consists of only ASCII digits, then … set the event stream's reconnection time". */
export const encodeRetry = (retryMs: number): string => `retry: ${retryMs}\n`;

/** [spec] Lines that start with a colon are ignored; they keep proxies and watchdogs from closing an idle connection. */
export const HEARTBEAT = ': heartbeat\n\n';

/** What a parsed frame says. */
export interface Frame {
  readonly event: string | undefined;
  readonly data: string;
  readonly seq: number;
}

/** The frames that `encodeEvent` wrote, in order. */
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
      else if (field === 'id') seq = Number(value.slice(value.lastIndexOf('.') + 1));
    }
    yield { event, data, seq };
  }
}
