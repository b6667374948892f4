import type { LogLimits } from '../core/event-log.js';
import { ENTRIES_PER_LOG, type Batch } from './batch.js';
import { script, type Script } from './commands.js';
import type { RedisRecord } from './record.js';
import { NOW } from './scripts.js';

/**
 * What the script is told to append to the task as its writer knows it: token, batch, the seq before and after, bytes and
 * number of entries, ttl or 0, final status or '', snapshot or '', which of all its words is the last progress or 0, then
 * the entries.
 */
export function appendWords(batch: Batch, { token, lastSeq }: RedisRecord, ttlMs: number): readonly string[] {
  const words = [token, batch.id, String(lastSeq), String(lastSeq + batch.events.length)];
  words.push(String(batch.frameBytes), String(batch.entries), String(ttlMs), batch.final ?? '', batch.snapshot ?? '');
  // The script counts from 1, and from the number of words.
  words.push(batch.progressAt < 0 ? '0' : String(words.length + 2 + batch.progressAt));
  for (const word of batch.words) words.push(word);
  return words;
}

/**
 * Appends for several tasks, each on its own: what fails for one is done for the others. KEYS for each task its hash and
 * its stream; with a `ttl` its other keys too. ARGV now, then for each task
 * the number of its words and `appendWords`. Answers
 * for each task the seq of its last event; 'GONE', 'FENCED', 'ENDED <status>'; 'SEQ <seq>' where the log is elsewhere,
 * which a terminal event that is ahead jumps over; 'FAILED <why>'. The same batch again changes nothing and answers the
 * same.
 */
export function appendScript({ maxEvents, maxBytes }: LogLimits, ttlMs: number): Script {
  const part = (ENTRIES_PER_LOG - 1) / ENTRIES_PER_LOG;
  const keepEvents = Math.max(1, Math.floor(maxEvents * part));
  const keepBytes = Math.floor(maxBytes * part);
  return script(`
local call = redis.call
-- Numbers as texts: Redis takes 1 µs to write a number that Lua hands it as such.
local function text(number) return string.format('%.0f', number) end

local function trim(t, e, first, seq, bytes, entries)
  local full = true
  while full do
    local some = call('XRANGE', e, first .. '-0', '+', 'COUNT', 16)
    full = #some > 0
    for _, entry in ipairs(some) do
      local last, size = string.match(entry[1], '^(%d+)%-(%d+)$')
      last = tonumber(last)
      if last >= seq or (seq - first + 1 <= ${keepEvents} and bytes <= ${keepBytes}) then
        full = false
        break
      end
      first, bytes, entries = last + 1, bytes - size, entries - 1
    end
  end
  call('XTRIM', e, 'MINID', first .. '-0')
  call('HSET', t, 'first', first, 'bytes', bytes, 'entries', entries)
end

local function append(t, e, key, keys, a, stop)
  local task = call('HMGET', t, 'token', 'seq', 'batch', 'status', 'bytes', 'first', 'entries')
  if not task[1] then return 'GONE' end
  if task[1] ~= ARGV[a + 1] then return 'FENCED' end
  if task[3] == ARGV[a + 2] then return tonumber(task[2]) end
  if task[4] ~= 'running' then return 'ENDED ' .. task[4] end
  local final, seq = ARGV[a + 8], tonumber(ARGV[a + 4])
  local bytes, first, entries = task[5] + ARGV[a + 5], tonumber(task[6]), task[7] + ARGV[a + 6]
  if task[2] ~= ARGV[a + 3] then
    if final == '' or tonumber(task[2]) > tonumber(ARGV[a + 3]) then return 'SEQ ' .. task[2] end
    call('DEL', e)
    bytes, first, entries = tonumber(ARGV[a + 5]), ARGV[a + 3] + 1, tonumber(ARGV[a + 6])
    call('HSET', t, 'first', first)
  end
  local i = a + 11
  while i < stop do
    local words = tonumber(ARGV[i + 1])
    if words == 2 then call('XADD', e, ARGV[i], ARGV[i + 2], ARGV[i + 3])
    else call('XADD', e, ARGV[i], unpack(ARGV, i + 2, i + 1 + words)) end
    i = i + 2 + words
  end
  local progress = ARGV[a + 10]
  local size, count = text(bytes), text(entries)
  if progress ~= '0' then
    call('HSET', t, 'seq', ARGV[a + 4], 'bytes', size, 'entries', count, 'batch', ARGV[a + 2], 'updated', ARGV[1],
      'progress', ARGV[a + progress])
  else
    call('HSET', t, 'seq', ARGV[a + 4], 'bytes', size, 'entries', count, 'batch', ARGV[a + 2], 'updated', ARGV[1])
  end
  if ARGV[a + 9] ~= '' then
    call('HSET', t, 'snapshot', (seq - (final ~= '' and 1 or 0)) .. ' ' .. ARGV[a + 9])
  end
  if seq - first + 1 > ${maxEvents} or bytes > ${maxBytes} then trim(t, e, first, seq, bytes, entries) end
  if final ~= '' then
    ${NOW}
    call('HSET', t, 'status', final, 'outcome', ARGV[stop - 1], 'ended', ARGV[1],
      'expiresWall', ARGV[1] + ${ttlMs}, 'expires', now + ${ttlMs})
    for k = key, key + keys - 1 do call('PEXPIRE', KEYS[k], ${2 * ttlMs}) end
  elseif keys > 2 then
    for k = key, key + keys - 1 do call('PEXPIRE', KEYS[k], ARGV[a + 7]) end
  end
  call('PUBLISH', e, '')
  return seq
end

local replies, key, a = {}, 1, 2
while a <= #ARGV do
  local keys, stop = ARGV[a + 7] == '0' and 2 or 5, a + ARGV[a]
  local ok, reply = pcall(append, KEYS[key], KEYS[key + 1], key, keys, a, stop)
  replies[#replies + 1] = ok and reply or 'FAILED ' .. (type(reply) == 'table' and reply.err or tostring(reply))
  key, a = key + keys, stop
end
return replies`);
}
