/** Lua for one task: KEYS are all its keys, in the order of `Keys.ofTask`. */
import { script } from '../clients/commands.js';
import { FIRST_ID } from '../log-entry.js';

/** The fields of a task's hash that `read` answers, in its order. */
export const TASK_FIELDS = [
  ...['resumeKey', 'owner', 'idempotencyKey', 'fingerprint', 'slot', 'wire', 'handler', 'createdAt', 'schema'],
  ...['status', 'token', 'holder', 'attempt', 'losses', 'cancel', 'endedAt', 'expiresAt', 'updatedAt'],
  ...['top', 'dropped'],
] as const;

/** The fields of a task's texts that `read` answers behind the others, as far as they are wanted. */
export const TEXT_FIELDS = ['progress', 'outcome', 'input', 'snapshot'] as const;

/** The place of a field in the answer of `read`, from 1. */
const place = (field: (typeof TASK_FIELDS)[number]): number => TASK_FIELDS.indexOf(field) + 1;

const quote = (names: readonly string[]): string => names.map((name) => `'${name}'`).join(',');

/** Lua: milliseconds by the server's clock, which alone decides what has expired. */
export const LUA_NOW = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)`;

/**
 * Lua: a task as `parseTask` takes it: its fields, of the last entry the id, the time and, where the progress is wanted,
 * the text; then the wanted texts. `{'expired', owner}` after the retention, false where there is no task. A last entry
 * that is noted in the hash is not looked at without need, because it may be long.
 */
export const LUA_READ = `${LUA_NOW}
local function read(task, events, texts, wanted)
  local found = redis.call('HMGET', task, ${quote(TASK_FIELDS)}, 'expires')
  if not found[1] then return false end
  local expires = tonumber(table.remove(found) or 'inf')
  if now >= expires then return {'expired', found[2]} end
  local top = found[${place('top')}]
  local isNoted = top and not string.find(wanted, 'progress') and redis.call('EXISTS', events) == 1
    and #redis.call('XRANGE', events, '(' .. top, '+', 'COUNT', 1) == 0
  local last = not isNoted and redis.call('XREVRANGE', events, '+', '-', 'COUNT', 1)[1]
  found[${TASK_FIELDS.length + 1}] = isNoted and top or last and last[1] or false
  found[${TASK_FIELDS.length + 2}] = last and string.match(last[2][2], '^%d+ %d+ (%d+)') or found[${place('updatedAt')}]
  found[${TASK_FIELDS.length + 3}] = last and string.find(wanted, 'progress') and last[2][2] or false
  if wanted == '' then return found end
  for i, name in ipairs({${quote(TEXT_FIELDS)}}) do
    found[${TASK_FIELDS.length + 3} + i] = string.find(wanted, name) and redis.call('HGET', texts, name) or false
  end
  return found
end`;

/** KEYS of any number of tasks. ARGV the wanted texts. Answers a list, one item for each. */
export const READ = script(`${LUA_READ}
local answer = {}
for i = 1, #KEYS, 6 do answer[#answer + 1] = read(KEYS[i], KEYS[i + 1], KEYS[i + 2], ARGV[1]) end
return answer`);

/** The fields of a task's hash that `LOOK` answers, in its order. */
export const STATE_FIELDS = ['status', 'token', 'holder', 'attempt', 'losses', 'cancel', 'schema', 'top'] as const;

/**
 * KEYS of any number of tasks. Answers the state of each, with the id of its last entry as `top`; false where there is
 * none. Two commands for each, since what is followed is looked at again and again.
 */
export const LOOK = script(`${LUA_NOW}
local answer = {}
for i = 1, #KEYS, 6 do
  local found = redis.call('HMGET', KEYS[i], ${quote(STATE_FIELDS)}, 'expires')
  local isKept = found[1] and now < tonumber(found[${STATE_FIELDS.length + 1}] or 'inf')
  local top = found[${STATE_FIELDS.length}]
  local last = isKept and redis.call('XREVRANGE', KEYS[i + 1], '+', top and '(' .. top or '-', 'COUNT', 1)[1]
  if last then found[${STATE_FIELDS.length}] = last[1] end
  answer[#answer + 1] = isKept and found
end
return answer`);

/**
 * KEYS one key that leads to a task. ARGV the wanted texts, prefix. Answers the task's id and the task; false where the key
 * leads nowhere. It finds the task's keys by itself, which only a server without hash slots allows.
 */
export const FIND = script(`${LUA_READ}
local taskId = redis.call('GET', KEYS[1])
if not taskId then return false end
local key = ARGV[2] .. '{' .. taskId .. '}:'
return {taskId, read(key .. 'task', key .. 'events', key .. 'texts', ARGV[1])}`);

/**
 * ARGV ttl, time, schema, input, then fields and values. Answers 1; 0 where the task is there already. Its hash comes last, so
 * that it is not there where the user may not write the rest, and a start that is tried again takes no half of a task for one.
 */
export const CREATE = script(`
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
if redis.call('EXISTS', KEYS[2]) == 0 then
  redis.call('XADD', KEYS[2], '${FIRST_ID}', 'd', '0 0 ' .. ARGV[2] .. ' ' .. ARGV[3] .. '\\n')
end
redis.call('PEXPIRE', KEYS[2], ARGV[1])
if ARGV[4] ~= '' then
  redis.call('HSET', KEYS[3], 'input', ARGV[4])
  redis.call('PEXPIRE', KEYS[3], ARGV[1])
end
redis.call('HSET', KEYS[1], unpack(ARGV, 5))
if ARGV[4] ~= '' then redis.call('HSET', KEYS[1], 'hasInput', '1') end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 1`);

/** Removes a task that has only been created. */
export const REMOVE = script(`
local task = redis.call('HMGET', KEYS[1], 'status', 'token')
if task[1] ~= 'running' or task[2] ~= '1' then return 0 end
local last = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)[1]
if last and last[1] ~= '${FIRST_ID}' then return 0 end
return redis.call('DEL', unpack(KEYS))`);

/** ARGV token, holder, the number of losses or ''. Answers 1 and the handler where the task has no holder now. */
export const ORPHAN = script(`
local task = redis.call('HMGET', KEYS[1], 'status', 'token', 'holder', 'handler')
if task[1] ~= 'running' or task[2] ~= ARGV[1] then return {0} end
if task[3] and task[3] ~= ARGV[2] then return {0} end
if task[3] and ARGV[3] ~= '' then redis.call('HSET', KEYS[1], 'losses', ARGV[3]) end
redis.call('HDEL', KEYS[1], 'holder')
return {1, task[4]}`);

/** ARGV the reason. Answers the task where it runs. */
export const CANCEL = script(`${LUA_READ}
if redis.call('HGET', KEYS[1], 'status') ~= 'running' then return false end
redis.call('HSETNX', KEYS[1], 'cancel', ARGV[1])
return read(KEYS[1], KEYS[2], KEYS[3], '')`);

/**
 * ARGV '1' to reduce a task that is past its retention to its tombstone. Answers the task where there is something to clear:
 * first what leads to it is taken away, then the task, so that a clearing which was cut short can be done again.
 */
export const EXPIRE_TASK = script(`${LUA_NOW}
local task = redis.call('HMGET', KEYS[1], 'expires', 'resumeKey', 'owner', 'idempotencyKey', 'status')
if task[1] and now < tonumber(task[1]) then return 'LATER' end
if not task[5] then return false end
if ARGV[1] == '1' then
  local left = redis.call('PTTL', KEYS[1])
  redis.call('DEL', unpack(KEYS))
  redis.call('HSET', KEYS[1], 'resumeKey', task[2], 'expires', task[1] or 0)
  if task[3] then redis.call('HSET', KEYS[1], 'owner', task[3]) end
  redis.call('PEXPIRE', KEYS[1], math.max(left, 1))
  redis.pcall('PUBLISH', KEYS[2], '')
end
return {task[2], task[3], task[4], task[5]}`);
