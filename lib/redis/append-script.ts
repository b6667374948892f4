import type { LogLimits } from '../core/event-log.js';
import { ENTRIES_PER_LOG, type Batch } from './batch.js';
import { script, type Script } from './commands.js';
import { PLACE_OF } from './entry.js';
import { NOW } from './scripts.js';

/**
 * Appends entries to the streams of any number of tasks, each on its own: what fails for one is done for the others.
 * KEYS a stream for each entry. ARGV id and text for each entry. Answers which were not appended, from 1: their stream
 * is not there, or has an entry with that id or a higher one. `appendScript` finds out why.
 */
export const APPEND = script(`
local keys, words, pcall, call, failed = KEYS, ARGV, redis.pcall, redis.call, {}
for i = 1, #keys do
  local added = pcall('XADD', keys[i], 'NOMKSTREAM', words[2 * i - 1], 'd', words[2 * i])
  if type(added) == 'string' then call('PUBLISH', keys[i], '') else failed[#failed + 1] = i end
end
return failed`);

/** What `appendScript` is told beside a batch. */
export interface AppendNotes {
  readonly token: string;
  /** Of all keys of the task. */
  readonly ttlMs: number;
  /** Since 1970. */
  readonly nowMs: number;
  /** The last progress where it is not the last event; '' where that is noted already. */
  readonly progress: string;
  /** The log keeps more than it should. */
  readonly over: boolean;
}

export function appendWords({ final, snapshot, events, entries }: Batch, notes: AppendNotes): string[] {
  const outcome = final === undefined ? '' : (events.at(-1)?.json ?? '');
  const words = [notes.token, String(notes.ttlMs), String(notes.nowMs), notes.progress, notes.over ? '1' : ''];
  return [...words, final ?? '', outcome, snapshot ?? '', ...entries];
}

/**
 * Appends entries to the stream of one task where they are not there yet, and notes in its hash what cannot be read from
 * the stream. KEYS all keys of the task. ARGV `appendWords`. Answers 'OK';
 * 'KEPT <place>' after a trim: the id of the last entry that was dropped; 'GONE', 'FENCED', 'ENDED <status>'. The same
 * call again changes nothing and answers the same, a trim apart.
 */
export function appendScript({ maxEvents, maxBytes }: LogLimits, ttlMs: number): Script {
  const part = (ENTRIES_PER_LOG - 1) / ENTRIES_PER_LOG;
  const keepEvents = Math.max(1, Math.floor(maxEvents * part));
  const keepBytes = Math.floor(maxBytes * part);
  return script(`
local call, token, first = redis.call, tonumber(ARGV[1]), 9
local progress, over, final, outcome, snapshot = ARGV[4], ARGV[5] ~= '', ARGV[6] ~= '', ARGV[7], ARGV[8]
local last = #ARGV - 1
${PLACE_OF}

local task = call('HMGET', KEYS[1], 'token', 'status')
if not task[1] then return 'GONE' end
if task[1] ~= ARGV[1] then return 'FENCED' end
local top = call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)[1]
if top then
  local topToken, topSeq = place(top[1])
  if topToken > token then return 'FENCED' end
  while topToken == token and first < last + 2 and select(2, place(ARGV[first])) <= topSeq do first = first + 2 end
end
if task[2] ~= 'running' then return first > last and 'OK' or 'ENDED ' .. task[2] end

for i = first, last, 2 do call('XADD', KEYS[2], ARGV[i], 'd', ARGV[i + 1]) end
local _, seq, bytes = place(ARGV[last])
local notes = {'seq', string.format('%.0f', seq)}
local function note(name, value) notes[#notes + 1], notes[#notes + 2] = name, value end
if snapshot ~= '' then note('snapshot', string.format('%.0f', final and seq - 1 or seq) .. ' ' .. snapshot) end
if progress ~= '' then note('progress', progress) end
if final then
  ${NOW}
  note('status', ARGV[6])
  note('outcome', outcome)
  note('ended', ARGV[3])
  note('expiresWall', ARGV[3] + ${ttlMs})
  note('expires', now + ${ttlMs})
end
call('HSET', KEYS[1], unpack(notes))
for _, key in ipairs(KEYS) do call('PEXPIRE', key, final and ${2 * ttlMs} or ARGV[2]) end
call('PUBLISH', KEYS[2], '')

local function trim()
  local start, dropped = '-', nil
  while true do
    local some = call('XRANGE', KEYS[2], start, '+', 'COUNT', 16)
    for _, entry in ipairs(some) do
      local _, upTo, size = place(entry[1])
      if upTo >= seq then return dropped end
      dropped, start = entry[1], '(' .. entry[1]
      if seq - upTo <= ${keepEvents} and bytes - size <= ${keepBytes} then return dropped end
    end
    if #some == 0 then return dropped end
  end
end
local dropped = over and trim()
if not dropped then return 'OK' end
local _, _, size = place(dropped)
call('XTRIM', KEYS[2], 'MINID', string.match(dropped, '^%d+') .. '-' .. string.format('%.0f', size + 1))
return 'KEPT ' .. dropped`);
}
