/** Encodes entries of a task's stream, whose ids fence writers and show when a stream was lost. */
import { START, type Entry, type Place } from '../distributed/port/stored.js';
import type { Reply } from './clients/replies.js';

/**
 * Entries of a task's stream.
 *
 * Id: `<token><seq>-<bytes>`, the fencing token of its writer, the seq of its last event as ten digits, and the wire
 * bytes of all events up to it. A stream takes only ids above its last one; so the stream itself refuses what a fenced
 * writer appends, and what was appended before.
 *
 * Its one field: a line `<events> <bytes> <ms since 1970> <schema>`, then the text of its events. A task begins with an
 * entry of token 1 and seq 0, so that an append to a log that was lost is noticed.
 */
const SEQ_DIGITS = 10;

export const entryId = ({ token, seq, bytes }: Place): string =>
  `${token}${String(seq).padStart(SEQ_DIGITS, '0')}-${bytes}`;

export const entryText = ({ events, bytes, atMs, schema, text }: Omit<Entry, 'place'>): string =>
  `${events} ${bytes} ${atMs} ${schema}\n${text}`;

/** The entry that every log begins with. */
export const FIRST_ID = entryId({ token: 1, seq: 0, bytes: 0 });

export function placeOf(id: Reply | undefined): Place {
  if (typeof id !== 'string' || id === FIRST_ID) return START;
  const dash = id.indexOf('-');
  const token = Number(id.slice(0, dash - SEQ_DIGITS));
  return { token, seq: Number(id.slice(dash - SEQ_DIGITS, dash)), bytes: Number(id.slice(dash + 1)) };
}

export function parseEntry(id: string, stored: string): Entry {
  const end = stored.indexOf('\n');
  const [events = 0, bytes = 0, atMs = 0, schema = 0] = stored.slice(0, end).split(' ').map(Number);
  return { place: placeOf(id), events, bytes, atMs, schema, text: stored.slice(end + 1) };
}

/** From which id on a stream holds what comes after a place. */
export const idAfter = (place: Pick<Place, 'token' | 'seq'>): string =>
  place.token === 0 ? `(${FIRST_ID}` : `(${entryId({ ...place, bytes: 0 }).slice(0, -1)}${2n ** 64n - 1n}`;

const SEQ_PATTERN = '%d'.repeat(SEQ_DIGITS);

/** Lua: token, seq and bytes of an id as numbers, and an id of such; events, bytes and time of a stored text. */
export const LUA_PLACES = `
local function place(id)
  local token, seq, bytes = string.match(id, '^(%d+)(${SEQ_PATTERN})%-(%d+)$')
  return tonumber(token), tonumber(seq), tonumber(bytes)
end
local function idOf(token, seq, bytes)
  return string.format('%.0f%0${SEQ_DIGITS}.0f-%.0f', token, seq, bytes)
end
local function header(text)
  local events, bytes, at = string.match(text, '^(%d+) (%d+) (%d+)')
  return tonumber(events), tonumber(bytes), at
end`;

/** Lua: the JSON of a text's last event where it is progress. Searched from the end: entries may be long. */
export const LUA_PROGRESS = `
local function progressOf(text)
  local at = string.find(string.reverse(text), '\\n', 2, true)
  if not at or string.sub(text, -at - 1, -at - 1) ~= '\\n' then return false end
  return string.sub(text, 1 - at, -2)
end`;
