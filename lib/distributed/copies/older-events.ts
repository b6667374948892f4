/** Reads events from the store that the local copy had to drop. */
import type { EventLog, Slice } from '../../core/log/event-log.js';
import type { Context } from '../context.js';
import { eachEvent } from '../port/entry.js';
import type { LiveRecord } from '../records.js';
import { START } from '../port/stored.js';

/** The number of entries that are read for one subscriber at a time. */
const PAGE = 4;

/** The events after `position` that a copy has dropped for want of memory, as the store still has them. */
export async function readOlder(
  { driver, settings }: Context,
  { record, log }: { readonly record: LiveRecord; readonly log: EventLog },
  position: number,
): Promise<Slice | undefined> {
  const after = position === 0 ? START : { token: log.epochs.at(position), seq: position };
  const entries = await driver.readAfter(record.taskId, after, PAGE);
  const frames: string[] = [];
  let from: number | undefined;
  for (const entry of entries) {
    // The store has gone back to an earlier state, and what was written there since is not what the copy goes on from.
    if (entry.events > 0 && entry.place.token !== log.epochs.at(entry.place.seq)) break;
    const described = { ...record, epoch: entry.place.token };
    eachEvent(entry, position, (seq, event, json) => {
      from ??= seq - 1;
      // Only consecutive ones: what is missing in between is named when the subscriber gets there.
      if (seq === from + frames.length + 1 && seq <= log.lastSeq)
        frames.push(settings.encode(described, seq, event, json));
    });
  }
  if (from === undefined || from >= log.firstSeq - 1 || frames.length === 0) return undefined;
  return { kind: 'frames', from, to: from + frames.length, bytes: Buffer.from(frames.join('')) };
}
