/** Decides where a client of the hub continues, and which messages it is told it has missed. */
import { TaskError } from '../core/errors.js';
import { parseEventId } from '../sse/event-id.js';
import type { Channel } from './channel.js';
import type { HubGap } from './cursor.js';
import type { Client } from './hub-client.js';

/** The place at which a client continues. */
export interface HubStart {
  readonly position: number;
  readonly gap: HubGap | undefined;
}

/** The part of the hub's past that matters to clients that return. */
export interface History {
  readonly epoch: string;
  readonly lastSeq: number;
  /** The seq of the newest message that was not for all. */
  readonly lastDirectedSeq: number;
  readonly all: Channel;
}

/**
 * Returns the place at which a client continues.
 *
 * 1. A `Last-Event-ID` that is a position in this hub: after that position. A client that is not `known` gets the
 *    messages that were for all, and a gap if there were others.
 * 2. No `Last-Event-ID`: after the position that the client last returned with, else from its beginning, since it cannot
 *    say that it has received anything. A new client begins with the next message.
 * 3. One that the hub does not know, because it has restarted or no longer keeps the message: where the client's last
 *    connection left off, else with the next message, and a gap.
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
  // A hub has one life per epoch, so its ids have no third part. Those of a task that was run again have one.
  if (id?.epoch === 1) return id.resumeKey === epoch ? id.seq : undefined;
  if (lastEventId.startsWith(`${epoch}.`))
    throw new TaskError('INVALID_CURSOR', 'Expected the last event id to end in the number of an event of this hub');
  return known === undefined ? all.seqOfId(lastEventId) : known.seqOfId(lastEventId, all);
}
