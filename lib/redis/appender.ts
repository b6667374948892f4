/** Appends the entries of any number of tasks to their streams, in one script call for each turn. */
import type { Batch, Fate } from '../distributed/port/calls.js';
import type { DriverSettings } from '../distributed/port/driver.js';
import { script, type Commands, type Script } from './clients/commands.js';
import type { Indexes } from './indexes.js';
import type { Keys } from './keys.js';
import { entryId, entryText, placeOf } from './log-entry.js';
import { refusalOf, textsOf, type Reply } from './clients/replies.js';
import { parseTask, snapshotText } from './task-hash.js';
import { appendScript } from './scripts/log-scripts.js';

/** Lua can hand on only so many words at once, about. */
const MAX_ASKED = 4_000;

/** Characters of an entry that is long. */
const LONG_TEXT = 16_384;

/**
 * Appends entries to the streams of any number of tasks, each on its own: what fails for one is done for the others.
 * KEYS a stream for each entry. ARGV id and text for each entry. Answers which were not appended, from 1: their stream
 * is missing, has an entry with that id or a higher one, or Redis takes no writes. `appendScript` finds out which.
 *
 * Most tasks are followed by nobody on other instances, and to put a message together costs as much as to append. So the
 * script asks first which channels somebody hears. Nodes of a cluster know only their own subscribers: there it tells all.
 * @param heard Lua: the answer of PUBSUB NUMSUB, or anything else where that is unknown
 */
const appendPlainly = (heard: string): Script =>
  script(`
local keys, words, pcall, failed = KEYS, ARGV, redis.pcall, {}
local heard = ${heard}
for i = 1, #keys do
  local id, text = words[2 * i - 1], words[2 * i]
  local added = pcall('XADD', keys[i], 'NOMKSTREAM', id, 'd', text)
  if type(added) ~= 'string' then failed[#failed + 1] = i
  elseif heard[2 * i] ~= 0 then pcall('PUBLISH', keys[i], #text <= 4096 and id .. ' ' .. text or '') end
end
return failed`);

const APPEND = appendPlainly(`#keys <= ${MAX_ASKED} and pcall('PUBSUB', 'NUMSUB', unpack(keys)) or {}`);
const APPEND_ON_CLUSTER = appendPlainly('{}');

const COMMITTED: Fate = Object.freeze({ kind: 'committed' });

/** Entries of several tasks that one script call appends. */
class Call {
  readonly batches: Batch[] = [];
  readonly settle: ((fate: Fate | Promise<Fate>) => void)[] = [];
  readonly keys: string[] = [];
  readonly words: string[] = [];
}

/** Appends what several tasks have to say by one script call; on a cluster, by one per task. */
export class Appender {
  readonly #full: Script;

  constructor(
    readonly commands: Commands,
    readonly keys: Keys,
    readonly indexes: Indexes,
    readonly settings: Pick<DriverSettings, 'limits' | 'ttlMs' | 'runningTtlMs' | 'clock'>,
  ) {
    this.#full = appendScript(settings);
  }

  append(batches: readonly Batch[]): readonly Promise<Fate>[] {
    let call = new Call();
    const fates = batches.map((batch) => {
      if (!isPlain(batch)) return this.#appendFully(batch);
      const fate = new Promise<Fate>((resolve) => call.settle.push(resolve));
      call.batches.push(batch);
      const key = this.keys.events(batch.taskId);
      for (const entry of batch.entries) {
        call.keys.push(key);
        call.words.push(entryId(entry.place), entryText(entry));
      }
      if (this.commands.port.cluster) {
        void this.#send(call);
        call = new Call();
      }
      return fate;
    });
    if (call.batches.length > 0) void this.#send(call);
    return fates;
  }

  async #send({ batches, settle, keys, words }: Call): Promise<void> {
    const { port } = this.commands;
    let failed: readonly string[];
    try {
      failed = textsOf(await this.commands.run(port.cluster ? APPEND_ON_CLUSTER : APPEND, keys, words)); // nearly always none
    } catch (error) {
      for (const resolve of settle) resolve(fateOfFailed(error));
      return;
    }
    let end = 0;
    batches.forEach((batch, index) => {
      const start = end;
      end += batch.entries.length;
      const isMissing = failed.some((entry) => Number(entry) > start && Number(entry) <= end);
      settle[index]?.(isMissing ? this.#appendFully(batch) : COMMITTED);
    });
  }

  async #appendFully(batch: Batch): Promise<Fate> {
    const { taskId, token, ending, progress = '', snapshot, trim, entries } = batch;
    const { ttlMs, runningTtlMs, clock } = this.settings;
    const numbers = [token, runningTtlMs, ttlMs, entries.at(-1)?.atMs ?? clock.wallNow()].map(String);
    const texts = [progress, trim ? '1' : '', ending?.status ?? '', ending?.outcome ?? ''];
    const words = entries.flatMap((entry) => [entryId(entry.place), entryText(entry)]);
    const args = [...numbers, ...texts, snapshot === undefined ? '' : snapshotText(snapshot), ...words];
    try {
      const answer = (await this.commands.run(this.#full, this.keys.ofTask(taskId), args)) as readonly Reply[];
      const [kind, more = null, task] = answer;
      if (kind === 'refused') return fateOfRefused(new Error(String(more)));
      if (kind !== 'committed') return { kind: kind as 'fenced' | 'ended' | 'gone' };
      const ended = parseTask(taskId, task);
      if (ended !== undefined && ended.status !== 'expired') {
        // A failure here does no harm: later sweeps compare the indexes with their tasks.
        await Promise.allSettled(this.indexes.ended(ended, ended.status, [ended.holder]));
      }
      const dropped = placeOf(more);
      return dropped.seq === 0 ? COMMITTED : { kind, dropped };
    } catch (error) {
      return fateOfFailed(error);
    }
  }
}

/** Nothing but entries, none of which is so long that it should be noted as the last one rather than looked at. */
const isPlain = ({ entries, progress, snapshot, ending, trim, touch }: Batch): boolean =>
  progress === undefined &&
  snapshot === undefined &&
  ending === undefined &&
  !(trim || touch || entries.some(({ text }) => text.length > LONG_TEXT));

/** The fate of a batch whose first entry Redis has not taken, as the script itself says. */
function fateOfRefused(cause: unknown): Fate {
  const refusal = refusalOf(cause);
  return refusal === undefined ? { kind: 'unknown', cause } : { kind: 'refused', passing: refusal.passing, cause };
}

/** The fate of a batch whose script has failed, maybe after its first write. */
function fateOfFailed(cause: unknown): Fate {
  return refusalOf(cause)?.whole === true ? { kind: 'refused', passing: true, cause } : { kind: 'unknown', cause };
}
