/** Holds the Lua scripts that write to the log of one task. */
import type { DriverSettings } from '../../distributed/port/driver.js';
import { KEPT_SHARE } from '../../distributed/port/entry.js';
import { script, type Script } from '../clients/commands.js';
import { FIRST_ID, LUA_PLACES, LUA_PROGRESS } from '../log-entry.js';
import { LUA_READ } from './task-scripts.js';

/**
 * Lua that writes to the log of one task: KEYS are all its keys, in the order of `Keys.ofTask`. The stream is written to
 * first: what Redis has to say against a write, it says of the first one, before anything has changed. What is published
 * is a hint, so a user who may not publish can write all the same.
 */

/**
 * Lua: gives a task its end. From then on the stream takes no id any more, and a short one is written anew, since Redis
 * keeps up to 4 KiB ready in each that it has added to.
 */
const LUA_FINISH = `
local function finish(status, outcome, wallNow, ttl)
  redis.call('HSET', KEYS[1], 'status', status, 'endedAt', wallNow, 'expiresAt', wallNow + ttl, 'expires', now + ttl)
  redis.call('HSET', KEYS[3], 'outcome', outcome)
  redis.call('XSETID', KEYS[2], '${2n ** 64n - 1n}-0')
  if redis.call('XLEN', KEYS[2]) < 16 then
    local copy = redis.pcall('DUMP', KEYS[2])
    if type(copy) == 'string' then redis.pcall('RESTORE', KEYS[2], 0, copy, 'REPLACE') end
  end
  for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, 2 * ttl) end
end
local function publish(id, text)
  redis.pcall('PUBLISH', KEYS[2], #text <= 4096 and id .. ' ' .. text or '')
end`;

/**
 * ARGV expected token and holder, instance, token, attempt, nonce, time, ttl of a running task, retention, schema; then
 * status, outcome, text and bytes of an ending, or ''. Answers what was lost, or 'won' and the task. A task whose input is
 * lost is not run again: the job would take it for a start without any. As an orphan that nobody runs, it ends in time.
 */
export const CLAIM = script(`${LUA_READ}${LUA_PLACES}${LUA_PROGRESS}${LUA_FINISH}
local call, wallNow, schema = redis.call, ARGV[7], ' ' .. ARGV[10] .. '\\n'
local task = call('HMGET', KEYS[1], 'token', 'holder', 'nonce', 'status', 'expires', 'top', 'attempt', 'hasInput')
if not task[4] or now >= tonumber(task[5] or 'inf') then return {'gone'} end
local function won() return {'won', read(KEYS[1], KEYS[2], KEYS[3], 'progress input')} end
if task[1] == ARGV[4] and task[3] == ARGV[6] then return won() end
if task[4] ~= 'running' then return {'ended'} end
if task[1] ~= ARGV[1] or (task[2] or '') ~= ARGV[2] then return {'taken', task[2]} end
local isNewRun = ARGV[11] == '' and task[7] ~= ARGV[5]
if isNewRun and task[8] and call('HEXISTS', KEYS[3], 'input') == 0 then return {'gone'} end

local last = call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)[1]
local _, seq, bytes = place(last and last[1] or task[6] or '${FIRST_ID}')
local mark = idOf(ARGV[4], seq, bytes)
local fence = '0 0 ' .. wallNow .. schema
call('XADD', KEYS[2], mark, 'd', fence)
publish(mark, fence)
local progress = last and progressOf(last[2][2])
if progress then call('HSET', KEYS[3], 'progress', progress) end
if not last then call('HSET', KEYS[1], 'dropped', mark) end
call('HSET', KEYS[1], 'token', ARGV[4], 'holder', ARGV[3], 'attempt', ARGV[5], 'nonce', ARGV[6], 'top', mark, 'updatedAt', wallNow)
if ARGV[11] == '' then
  for _, key in ipairs(KEYS) do call('PEXPIRE', key, ARGV[8]) end
else
  local id, text = idOf(ARGV[4], seq + 1, bytes + ARGV[14]), '1 ' .. ARGV[14] .. ' ' .. wallNow .. schema .. ARGV[13]
  call('XADD', KEYS[2], id, 'd', text)
  call('HSET', KEYS[1], 'top', id)
  finish(ARGV[11], ARGV[12], wallNow, ARGV[9])
  publish(id, text)
end
return won()`);

/**
 * ARGV token, ttl of a running task, retention, time, progress, '1' to trim, status and outcome of an ending, snapshot, each
 * '' where there is none; then the entries, id and text by turns, of which those are left out that are there already.
 * Answers 'fenced', 'ended', 'gone', 'refused' and why, or 'committed', after a trim the id of the last entry that was
 * dropped, and after an ending the task.
 */
export const appendScript = ({ limits }: Pick<DriverSettings, 'limits'>): Script =>
  script(`${LUA_READ}${LUA_PLACES}${LUA_FINISH}
local call, token, first, last = redis.call, tonumber(ARGV[1]), 10, #ARGV - 1
local task = call('HMGET', KEYS[1], 'token', 'status', 'expires', 'top')
if not task[2] or now >= tonumber(task[3] or 'inf') then return {'gone'} end
local top = call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)[1]
local topToken, topSeq = place(top and top[1] or task[4] or '${FIRST_ID}')
if tonumber(task[1]) > token or topToken > token then return {'fenced'} end
while topToken == token and first <= last and select(2, place(ARGV[first])) <= topSeq do first = first + 2 end
local function committed(dropped)
  return {'committed', dropped or false, ARGV[7] ~= '' and read(KEYS[1], KEYS[2], KEYS[3], '')}
end
if task[2] ~= 'running' then return first > last and committed() or {'ended'} end

for i = first, last, 2 do
  local added = redis.pcall('XADD', KEYS[2], ARGV[i], 'd', ARGV[i + 1])
  if type(added) == 'table' then return i == first and {'refused', added.err} or added end
  publish(ARGV[i], ARGV[i + 1])
end
local _, seq, bytes = place(ARGV[last])
if first <= last then call('HSET', KEYS[1], 'top', ARGV[last], 'updatedAt', ARGV[4]) end
if not top and first <= last then
  local _, firstSeq, firstBytes = place(ARGV[first])
  local events, own = header(ARGV[first + 1])
  call('HSET', KEYS[1], 'dropped', idOf(token, firstSeq - events, firstBytes - own))
end
if ARGV[5] ~= '' then call('HSET', KEYS[3], 'progress', ARGV[5]) end
if ARGV[9] ~= '' then call('HSET', KEYS[3], 'snapshot', ARGV[9]) end
for _, key in ipairs(KEYS) do call('PEXPIRE', key, ARGV[2]) end
if ARGV[7] ~= '' then finish(ARGV[7], ARGV[8], ARGV[4], ARGV[3]) end
if ARGV[6] == '' then return committed() end

local dropped, start = nil, '-'
local function isExcess(id, text)
  local _, upTo, size = place(id)
  local events, own = header(text)
  return upTo < seq and (seq - upTo + events > ${limits.maxEvents * KEPT_SHARE} or bytes - size + own > ${limits.maxBytes * KEPT_SHARE})
end
repeat
  local some, kept = call('XRANGE', KEYS[2], start, '+', 'COUNT', 16), false
  for _, entry in ipairs(some) do
    kept = kept or not isExcess(entry[1], entry[2][2])
    if not kept then dropped, start = entry[1], '(' .. entry[1] end
  end
until kept or #some == 0
if dropped then
  local droppedToken, upTo, size = place(dropped)
  call('XTRIM', KEYS[2], 'MINID', idOf(droppedToken, upTo, size + 1))
  call('HSET', KEYS[1], 'dropped', dropped)
end
return committed(dropped)`);
