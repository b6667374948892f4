/** Decides where a client of the hub goes on, and what it is told it has missed. */
import { TaskError } from '../core/errors.js';
import { parseEventId } from '../sse/event-id.js';
import type { Channel } from './channel.js';
import type { HubGap } from './cursor.js';
import type { Client } from './hub-client.js';

/** A place to go on from. */
export interface HubStart {
  readonly position: number;
  readonly gap: HubGap | undefined;
}

/** The hub's past, as far as it matters to whoever comes back. */
export interface History {
  readonly epoch: string;
  readonly lastSeq: number;
  /** Of the newest message that was not for all. */
  readonly lastDirectedSeq: number;
  readonly all: Channel;
}

/**
 * 1. After its `Last-Event-ID`, where that is a position in this hub. Who is not `known` gets what was for all, and a gap
 *    if anything was not.
 * 2. Without one: after the position that it last came back with, else from its beginning, since it cannot say that it
 *    has received anything; a new client with the next message.
 * 3. With one that the hub does not know (it has restarted, or the message is no longer kept): where its last connection
 *    left off, or with the next message, and a gap.
 */
export function startOf(lastEventId: string | undefined, known: Client | undefined, history: History): HubStart {
  const { lastSeq, lastDirectedSeq } = history;
  if (lastEventId === undefined) return { position: known?.confirmed ?? lastSeq, gap: undefined };
  const seq = seqOf(lastEventId, known, history);
  if (seq === undefined) {
    const leftAt = known?.position ?? lastSeq;
    return { position: leftAt, gap: { kind: 'gap', from: 0, to: leftAt, reason: 'unknown', position: leftAt } };
  }
  if (seq > lastSeq) {
    const gap: HubGap = { kind: 'gap', from: lastSeq + 1, to: seq, reason: 'ahead', position: lastSeq };
    return { position: lastSeq, gap };
  }
  if (known !== undefined) return { position: Math.max(seq, known.firstSeq), gap: undefined };
  if (lastDirectedSeq <= seq) return { position: seq, gap: undefined };
  return { position: seq, gap: { kind: 'gap', from: seq + 1, to: lastDirectedSeq, reason: 'unknown', position: seq } };
}

/** @throws TaskError `INVALID_CURSOR` */
function seqOf(lastEventId: string, known: Client | undefined, { epoch, all }: History): number | undefined {
  const id = parseEventId(lastEventId);
  // A hub has one life per epoch: its ids have no third part, as those of a task have that was run again.
  if (id?.epoch === 1) return id.resumeKey === epoch ? id.seq : undefined;
  if (lastEventId.startsWith(`${epoch}.`)) throw new TaskError('INVALID_CURSOR', 'The last event id has no seq');
  return known === undefined ? all.seqOfId(lastEventId) : known.seqOfId(lastEventId, all);
}
