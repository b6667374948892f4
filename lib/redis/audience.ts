/** Keeps in Redis which subscribers are attached to a task, and where others left off. */
import type { AudienceReport } from '../distributed/port/calls.js';
import type { AudienceShare, Departure } from '../distributed/port/stored.js';
import { script, type Commands } from './clients/commands.js';
import type { Keys } from './keys.js';
import { allDone, pairsOf, textsOf, type Reply } from './clients/replies.js';

/**
 * ARGV instance, version, count, ttl, then `name, position` of those who left and `name, ''` of those who came. Departures
 * are cleared in bulk: the oldest go once there are a tenth too many.
 */
const REPORT_AUDIENCE = script(`
local call, instance = redis.call, ARGV[1]
if not call('HGET', KEYS[1], 'status') then return 0 end
local known = call('HGET', KEYS[4], instance)
if known and tonumber(string.match(known, '^%d+')) >= tonumber(ARGV[2]) then return 0 end
call('HSET', KEYS[4], instance, ARGV[2] .. ' ' .. ARGV[3])
for i = 5, #ARGV, 2 do
  local name, position = ARGV[i], ARGV[i + 1]
  local field = instance .. ':' .. name
  if position == '' then call('HINCRBY', KEYS[5], field, 1)
  else
    if call('HINCRBY', KEYS[5], field, -1) <= 0 then call('HDEL', KEYS[5], field) end
    local at = call('TIME')
    call('HSET', KEYS[6], name, string.format('%.0f %06d %s', at[1], at[2], position))
  end
end
if call('HLEN', KEYS[6]) > 1100 then
  local all, order = call('HGETALL', KEYS[6]), {}
  for i = 1, #all, 2 do order[#order + 1] = all[i + 1] .. ' ' .. all[i] end
  table.sort(order)
  for i = 1, #order - 1000 do call('HDEL', KEYS[6], string.match(order[i], '^%d+ %d+ %d+ (.*)$')) end
end
for i = 4, 6 do call('PEXPIRE', KEYS[i], ARGV[4]) end
return 1`);

/** Answers instances and `version count` by turns. */
const READ_AUDIENCE = script(`return redis.call('HGETALL', KEYS[4])`);

/** ARGV a name. Answers where it left off, or false, then the instances that it is attached to. */
const READ_DEPARTURE = script(`
local answer = {string.match(redis.call('HGET', KEYS[6], ARGV[1]) or '', '(%d+)$') or false}
for _, instance in ipairs(redis.call('HKEYS', KEYS[4])) do
  if redis.call('HEXISTS', KEYS[5], instance .. ':' .. ARGV[1]) == 1 then answer[#answer + 1] = instance end
end
return answer`);

/** Keeps who is attached to a task, by instance and by name. */
export class Audience {
  constructor(
    readonly commands: Commands,
    readonly keys: Keys,
    readonly runningTtlMs: number,
  ) {}

  async report(reports: readonly AudienceReport[]): Promise<void> {
    const calls = reports.map(({ taskId, instance, version, count, moves }) => {
      const numbers = [version, count, this.runningTtlMs].map(String);
      const names = moves.flatMap(({ subscriberId, position }) => [subscriberId, String(position ?? '')]);
      return this.commands.run(REPORT_AUDIENCE, this.keys.ofTask(taskId), [instance, ...numbers, ...names]);
    });
    await allDone(calls);
  }

  async read(taskIds: readonly string[]): Promise<readonly (readonly AudienceShare[])[]> {
    const replies = await allDone(taskIds.map((id) => this.commands.run(READ_AUDIENCE, this.keys.ofTask(id), [])));
    return replies.map((reply) =>
      pairsOf(reply).map(([instance, share]) => {
        const [version = 0, count = 0] = share.split(' ').map(Number);
        return { instance, version, count };
      }),
    );
  }

  async readDeparture(taskId: string, subscriberId: string): Promise<Departure> {
    const reply = await this.commands.run(READ_DEPARTURE, this.keys.ofTask(taskId), [subscriberId]);
    const [position, ...attachedTo] = reply as readonly Reply[];
    return { attachedTo: textsOf(attachedTo), position: typeof position === 'string' ? Number(position) : undefined };
  }
}
