import { script } from './commands.js';
import { PROGRESS_OF, TAKE_OVER } from './entry.js';

/** The fields of a task that `READ` answers, in its order. */
export const TASK_FIELDS = [
  ...['key', 'owner', 'fingerprint', 'status', 'attempt', 'created', 'ended', 'expiresWall', 'expires'],
  ...['seq', 'progress', 'outcome', 'token', 'holder', 'released', 'once', 'wire', 'slot', 'handler'],
] as const;

const quote = (names: readonly string[]): string => names.map((name) => `'${name}'`).join(',');

/** Milliseconds by the server's clock, which alone decides what has expired. */
export const NOW = `local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)`;

/** KEYS task. ARGV ttl, then fields and values. A repeated call changes nothing. */
export const CREATE = script(`
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('HSET', KEYS[1], unpack(ARGV, 2))
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 1`);

/**
 * KEYS task, events, subscribers. Answers the fields, the subscribers, of the last entry the id, the time, and the JSON
 * of its last event if that is a progress, of the first entry the id, and how many events and bytes it has.
 * `{'expired', owner}` after the retention; nil where there is no task.
 */
export const READ = script(`
${PROGRESS_OF}
local task = redis.call('HMGET', KEYS[1], ${quote(TASK_FIELDS)})
if not task[1] then return false end
${NOW}
if task[9] and now >= tonumber(task[9]) then return {'expired', task[2]} end
local subscribers = 0
for _, count in ipairs(redis.call('HVALS', KEYS[3])) do subscribers = subscribers + tonumber(count) end
task[#task + 1] = subscribers
local last = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)[1]
if not last then return task end
local first = redis.call('XRANGE', KEYS[2], '-', '+', 'COUNT', 1)[1]
local events, bytes = string.match(first[2][2], '^(%d+) (%d+)')
for _, word in ipairs({last[1], string.match(last[2][2], ' (%d+)\\n'), progressOf(last[2][2]), first[1], events, bytes}) do
  task[#task + 1] = word
end
return task`);

/**
 * KEYS task, events. ARGV token, holder, attempts more. Gives the task to a new holder if nobody else was faster, and
 * marks that in the stream, which takes nothing from the old one any more.
 * Answers the new token and what was asked of the old holder, or nil.
 */
export const CLAIM = script(`
${PROGRESS_OF}
${TAKE_OVER}
local task = redis.call('HMGET', KEYS[1], 'token', 'status', 'cancel', 'input')
if task[1] ~= ARGV[1] or task[2] ~= 'running' then return false end
redis.call('HSET', KEYS[1], 'holder', ARGV[2], 'released', '')
redis.call('HINCRBY', KEYS[1], 'attempt', ARGV[3])
local token = redis.call('HINCRBY', KEYS[1], 'token', 1)
local last = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)[1]
if last then
  local progress = progressOf(last[2][2])
  if progress then redis.call('HSET', KEYS[1], 'progress', progress) end
  local id, text = takeOver(last, token)
  redis.call('XADD', KEYS[2], id, 'd', text)
end
return {token, task[3] or '', task[4]}`);

/** KEYS task. ARGV token. Its holder gives it up; 0 where it is not the holder any more. */
export const RELEASE = script(`
if redis.call('HGET', KEYS[1], 'token') ~= ARGV[1] then return 0 end
return redis.call('HSET', KEYS[1], 'released', '1') + 1`);

/** KEYS task. ARGV the reason. Answers whom to tell, or nil where the task does not run. */
export const CANCEL = script(`
local task = redis.call('HMGET', KEYS[1], 'status', 'holder', 'released')
if task[1] ~= 'running' then return false end
redis.call('HSET', KEYS[1], 'cancel', ARGV[1])
return {task[2], task[3] or ''}`);

/**
 * KEYS task, subscribers, attached, departed. ARGV instance, its count, ttl, then `name, position` of those who left,
 * `name, ''` of those who joined. Answers all subscribers and the holder, or nil where there is no task.
 */
export const AUDIENCE = script(`
local holder = redis.call('HGET', KEYS[1], 'holder')
if not holder then return false end
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
if ARGV[2] == '0' then redis.call('HDEL', KEYS[2], ARGV[1]) end
for i = 4, #ARGV, 2 do
  local name, position = ARGV[i], ARGV[i + 1]
  local field = ARGV[1] .. ':' .. name
  if position == '' then
    redis.call('HINCRBY', KEYS[3], field, 1)
  else
    if redis.call('HINCRBY', KEYS[3], field, -1) <= 0 then redis.call('HDEL', KEYS[3], field) end
    redis.call('HSET', KEYS[4], name, position)
    if redis.call('HLEN', KEYS[4]) > 1000 then
      local some = redis.call('HRANDFIELD', KEYS[4])
      if some ~= name then redis.call('HDEL', KEYS[4], some) end
    end
  end
end
for i = 2, 4 do redis.call('PEXPIRE', KEYS[i], ARGV[3]) end
local subscribers = 0
for _, count in ipairs(redis.call('HVALS', KEYS[2])) do subscribers = subscribers + tonumber(count) end
return {subscribers, holder}`);

/** KEYS task, subscribers, attached. ARGV an instance that died. Answers as `AUDIENCE`. */
export const DISBAND = script(`
local holder = redis.call('HGET', KEYS[1], 'holder')
if not holder then return false end
redis.call('HDEL', KEYS[2], ARGV[1])
local prefix = ARGV[1] .. ':'
for _, field in ipairs(redis.call('HKEYS', KEYS[3])) do
  if string.sub(field, 1, #prefix) == prefix then redis.call('HDEL', KEYS[3], field) end
end
local subscribers = 0
for _, count in ipairs(redis.call('HVALS', KEYS[2])) do subscribers = subscribers + tonumber(count) end
return {subscribers, holder}`);

/** KEYS departed, attached, subscribers. ARGV a name. Where it left off, or nil where it is attached somewhere. */
export const DEPARTED = script(`
for _, instance in ipairs(redis.call('HKEYS', KEYS[3])) do
  if redis.call('HEXISTS', KEYS[2], instance .. ':' .. ARGV[1]) == 1 then return false end
end
return redis.call('HGET', KEYS[1], ARGV[1])`);

/** KEYS one index. ARGV task id, ttl, the id that was found to be gone. Answers the task that the key belongs to. */
export const ENTER_ONCE = script(`
local taskId = redis.call('GET', KEYS[1])
if taskId and taskId ~= ARGV[3] then return taskId end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return ARGV[1]`);

/** KEYS one index. ARGV task id. */
export const LEAVE_ONCE = script(`
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0`);

/** KEYS quota. ARGV task id, how many at most, ttl. Answers 1 where there is room. */
export const ENTER_QUOTA = script(`
if redis.call('SISMEMBER', KEYS[1], ARGV[1]) == 1 then return 1 end
if redis.call('SCARD', KEYS[1]) >= tonumber(ARGV[2]) then return 0 end
redis.call('SADD', KEYS[1], ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1`);

/** KEYS beats. A flat list whatever the protocol. */
export const BEATS = script(`return redis.call('HGETALL', KEYS[1])`);

/** KEYS expiring. ARGV task id, ttl. Notes when the retention of a task that has just ended is over. */
export const RETIRE = script(`
${NOW}
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
redis.call('PEXPIRE', KEYS[1], 4 * ARGV[2])`);

/**
 * KEYS expiring. ARGV how many at most, ttl. Takes out the tasks whose retention is over, and leaves a mark for as long
 * as their tombstones stand. Answers how many entries are left, marks included, then the tasks.
 */
export const EXPIRED = script(`
${NOW}
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'WITHSCORES', 'LIMIT', 0, ARGV[1])
local gone = {}
for i = 1, #due, 2 do
  redis.call('ZREM', KEYS[1], due[i])
  if string.sub(due[i], 1, 1) ~= '~' then
    gone[#gone + 1] = due[i]
    local decays = due[i + 1] + ARGV[2]
    if decays > now then redis.call('ZADD', KEYS[1], decays, '~' .. due[i]) end
  end
end
redis.call('PEXPIRE', KEYS[1], 4 * ARGV[2]) -- marks in an empty set make a new key
return {redis.call('ZCARD', KEYS[1]), unpack(gone)}`);

/** KEYS task, then its other keys. What is past its retention keeps only the answer that it has expired. */
export const BURY = script(`
local owner = redis.call('HGET', KEYS[1], 'owner')
if redis.call('HDEL', KEYS[1], 'progress', 'outcome', 'snapshot', 'seq') > 0 then
  redis.call('DEL', unpack(KEYS, 2))
  redis.call('PUBLISH', KEYS[2], '')
end
return owner`);
