/**
 * Entries of a task's stream: some events that are appended together, all or none.
 *
 * Id: `<token><seq>-<bytes>`, the fencing token of its writer, the seq of its last event as twelve digits, and the bytes
 * on the wire of all events of the task up to it. A stream takes only ids above its last one; so the stream itself
 * refuses what a fenced writer appends, and what was appended before.
 *
 * Its one field: a line `<events> <bytes> <ms since 1970>`, then for each event a line with its name, empty for progress,
 * and one with its JSON. An entry without events marks that another writer has taken over.
 */
const SEQ_DIGITS = 12;

export const entryId = (token: string, seq: number, bytes: number): string =>
  `${token}${String(seq).padStart(SEQ_DIGITS, '0')}-${bytes}`;

/** Of all events up to the end of the entry: their number, and their bytes on the wire. */
export interface Place {
  readonly seq: number;
  readonly bytes: number;
}

export function placeOf(id: string): Place {
  const dash = id.indexOf('-');
  return { seq: Number(id.slice(Math.max(0, dash - SEQ_DIGITS), dash)), bytes: Number(id.slice(dash + 1)) };
}

export const entryText = (events: number, bytes: number, nowMs: number, lines: string): string =>
  `${events} ${bytes} ${nowMs}\n${lines}`;

/** The line that an event takes up in an entry; JSON has no line breaks, names of events neither. */
export const eventLines = (event: string | undefined, json: string): string => `${event ?? ''}\n${json}\n`;

/** Names and JSON by turns. */
export const linesOf = (text: string): readonly string[] => text.split('\n').slice(1, -1);

const SEQ_PATTERN = '%d'.repeat(SEQ_DIGITS);

/** Lua: token, seq and bytes of an id, as numbers. */
export const PLACE_OF = `local function place(id)
  local token, seq, bytes = string.match(id, '^(%d+)(${SEQ_PATTERN})%-(%d+)$')
  return tonumber(token), tonumber(seq), tonumber(bytes)
end`;

/** Lua: the JSON of an entry's last event where it is a progress. Looked for from the end: entries may be long. */
export const PROGRESS_OF = `local function progressOf(text)
  local at = string.find(string.reverse(text), '\\n', 2, true)
  if not at or string.sub(text, -at - 1, -at - 1) ~= '\\n' then return false end
  return string.sub(text, 1 - at, -2)
end`;

/** Lua: id and text of the entry by which a new token follows the entry `last`. */
export const TAKE_OVER = `local function takeOver(last, token)
  local place = string.match(last[1], '^%d+(${SEQ_PATTERN}%-%d+)$')
  return token .. place, '0 0 ' .. string.match(last[2][2], ' (%d+)\\n') .. '\\n'
end`;
