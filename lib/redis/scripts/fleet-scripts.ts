/** Lua for the indexes, each of which lies in one hash slot: those of the fleet, and keys that lead to one task. */
import { script } from '../clients/commands.js';
import { LUA_NOW } from './task-scripts.js';

/**
 * KEYS instances, then keys to keep from expiring. ARGV instance, lease, schema, schema of the keys, ttl. Answers all
 * instances and what is known of them by turns; the schema alone where it is newer than that of this instance.
 */
export const BEAT = script(`
local schema = redis.call('HGET', KEYS[1], '#schema')
if tonumber(schema or 0) > tonumber(ARGV[4]) then return schema end
local known = redis.call('HGET', KEYS[1], ARGV[1]) or '0'
local count = tonumber(string.match(known, '^%d+')) + 1
redis.call('HSET', KEYS[1], '#schema', ARGV[4], ARGV[1], count .. ' ' .. ARGV[2] .. ' ' .. ARGV[3])
if count % 8 == 1 then for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, ARGV[5]) end end
return redis.call('HGETALL', KEYS[1])`);

/** KEYS instances. Answers a sample of each type of answer, and the schema of the keys. */
export const CHECK = script(`return {1, '1', {1}, redis.call('HGET', KEYS[1], '#schema')}`);

/** KEYS instances. ARGV instance, its count or ''. */
export const REMOVE_INSTANCE = script(`
local known = redis.call('HGET', KEYS[1], ARGV[1]) or ''
if ARGV[2] ~= '' and string.match(known, '^%d+') ~= ARGV[2] then return 0 end
return redis.call('HDEL', KEYS[1], ARGV[1])`);

/** KEYS the running tasks of two instances. ARGV how many, ttl. Answers the tasks that have gone from one to the other. */
export const DIVIDE = script(`
local moved = redis.call('ZRANGE', KEYS[1], 0, ARGV[1] - 1)
for _, taskId in ipairs(moved) do
  redis.call('ZADD', KEYS[2], 0, taskId)
  redis.call('ZREM', KEYS[1], taskId)
end
redis.call('PEXPIRE', KEYS[2], ARGV[2])
return moved`);

/** KEYS orphans, those of its handler, running tasks of instances. ARGV task id, delay, ttl. Lists an orphan. */
export const ENTER_ORPHAN = script(`${LUA_NOW}
redis.call('ZADD', KEYS[1], 'NX', now, ARGV[1])
redis.call('ZADD', KEYS[2], 'NX', now + ARGV[2], ARGV[1])
for i = 1, 2 do redis.call('PEXPIRE', KEYS[i], ARGV[3]) end
for i = 3, #KEYS do redis.call('ZREM', KEYS[i], ARGV[1]) end`);

/** KEYS orphans. ARGV how many, how old at least or ''. Answers tasks and scores by turns. */
export const ORPHANS = script(`${LUA_NOW}
local found = {}
for _, key in ipairs(KEYS) do
  local some = redis.call('ZRANGEBYSCORE', key, '-inf', now - (tonumber(ARGV[2]) or 0), 'WITHSCORES', 'LIMIT', 0, ARGV[1])
  for _, word in ipairs(some) do found[#found + 1] = word end
end
return found`);

/** KEYS orphans of one handler. ARGV task id. Answers 1 where the task is due. */
export const IS_DUE = script(`${LUA_NOW}
local due = redis.call('ZSCORE', KEYS[1], ARGV[1])
return due and tonumber(due) <= now and 1 or 0`);

/** KEYS ended, then all other indexes of the fleet that may name the tasks. ARGV retention, ttl, task ids. */
export const ENTER_ENDED = script(`${LUA_NOW}
for n = 3, #ARGV do
  redis.call('ZADD', KEYS[1], 'NX', now + ARGV[1], ARGV[n])
  for i = 2, #KEYS do redis.call('ZREM', KEYS[i], ARGV[n]) end
end
redis.call('PEXPIRE', KEYS[1], ARGV[2])`);

/**
 * KEYS ended, mark. ARGV how many, for how long they are left alone, in ms, retention. Answers tasks whose retention is over,
 * which nobody else is given for so long. The mark stands until the last of their tombstones is gone.
 */
export const TAKE_EXPIRED = script(`${LUA_NOW}
local due, taken = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'WITHSCORES', 'LIMIT', 0, ARGV[1]), {}
for i = 1, #due, 2 do
  redis.call('ZADD', KEYS[1], now + ARGV[2], due[i])
  taken[#taken + 1] = due[i]
end
local left = #due > 0 and due[#due] + ARGV[3] - now or 0
if left > math.max(redis.call('PTTL', KEYS[2]), 0) then redis.call('SET', KEYS[2], '1', 'PX', string.format('%.0f', left)) end
return taken`);

/** KEYS ended, mark. ARGV tasks that are cleared. Answers whether ended tasks or tombstones are left. */
export const LEAVE_ENDED = script(`
for _, taskId in ipairs(ARGV) do redis.call('ZREM', KEYS[1], taskId) end
return redis.call('ZCARD', KEYS[1]) + redis.call('EXISTS', KEYS[2])`);

/** KEYS one key. ARGV task id, ttl, the id that was found to be out of date. Answers the task that the key belongs to now. */
export const TAKE_KEY = script(`
local taskId = redis.call('GET', KEYS[1])
if taskId and taskId ~= ARGV[3] then return taskId end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return ARGV[1]`);

/** KEYS one key. ARGV task id. Frees the key if it belongs to the task. */
export const FREE_KEY = script(`
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0`);

/** KEYS one key. ARGV task id, ttl. Makes the key belong to the task unless it belongs to another, and keeps it. */
export const RENEW_KEY = script(`
redis.call('SET', KEYS[1], ARGV[1], 'NX')
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end`);

/** KEYS quota. ARGV task id, how many at most, ttl, tasks that were found to be over. Answers all where there is no room. */
export const TAKE_QUOTA = script(`
for i = 4, #ARGV do redis.call('ZREM', KEYS[1], ARGV[i]) end
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) and redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then
  return redis.call('ZRANGE', KEYS[1], 0, -1)
end
redis.call('ZADD', KEYS[1], 0, ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return {}`);
