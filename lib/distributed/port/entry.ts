/** Encodes events as entries of a log, and compares their places. */
import type { LogLimits } from '../../core/log/event-log.js';
import type { Entry, Place } from './stored.js';

/**
 * The text of an entry: for each event a line with its name, empty for progress, and a line with its JSON. Neither can
 * contain a line break, so no other encoding is needed, and a driver may store the text as it is.
 */
export const eventLines = (event: string | undefined, json: string): string => `${event ?? ''}\n${json}\n`;

/** The same for any number of events: their names, '' for progress, and their JSON by turns. */
export const joinLines = (lines: readonly string[]): string => `${lines.join('\n')}\n`;

/** Trimming stops at this share of what a log may keep, so that it is not due again with the next entry. */
export const KEPT_SHARE = 15 / 16;

/** Calls `take` for each event of `entry` whose seq is above `after`. */
export function eachEvent(
  entry: Entry,
  after: number,
  take: (seq: number, event: string | undefined, json: string) => void,
): void {
  const lines = entry.text.split('\n');
  const before = entry.place.seq - entry.events;
  for (let i = Math.max(0, after - before); i < entry.events; i++) {
    const name = lines[2 * i];
    take(before + i + 1, name === '' ? undefined : name, lines[2 * i + 1] ?? '');
  }
}

/** The JSON of the last event in an entry's text where that is progress. */
export function trailingProgress(text: string): string | undefined {
  const start = text.lastIndexOf('\n', text.length - 2);
  const named = start > 0 && text[start - 1] !== '\n';
  return start < 0 || named ? undefined : text.slice(start + 1, -1);
}

/** Below zero where `a` comes before `b`, zero where they are the same place. */
export const comparePlaces = (a: Place, b: Place): number => a.token - b.token || a.seq - b.seq;

/** Tells whether `entry` is to be dropped from a log that ends at `top` and is being trimmed; the last entry never is. */
export function isExcess(entry: Pick<Entry, 'place' | 'events' | 'bytes'>, top: Place, limits: LogLimits): boolean {
  const { place } = entry;
  if (place.seq >= top.seq) return false;
  const events = top.seq - place.seq + entry.events;
  const bytes = top.bytes - place.bytes + entry.bytes;
  return events > limits.maxEvents * KEPT_SHARE || bytes > limits.maxBytes * KEPT_SHARE;
}
