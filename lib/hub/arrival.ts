import type { IncomingMessage } from 'node:http';
import type { Http2ServerRequest } from 'node:http2';
import { TaskError } from '../core/errors.js';
import { queryOf, readLastEventIdParam, readSingleParam } from '../http/request.js';
import { parseEventId } from '../sse/event-id.js';
import { CLIENT_ID_HEADER } from '../sse/headers.js';
import type { Channel } from './channel.js';
import type { HubGap } from './cursor.js';
import type { Client } from './hub-client.js';
import { isOwnId } from './message.js';

/** What the application says of a client that connects. */
export interface ConnectOptions {
  /**
   * Who it is, where the application names its clients itself: whoever is connected with this id is replaced. 1 to 128
   * visible ASCII characters. Default: the id that the request comes back with, else a new unguessable one.
   */
  clientId?: string | undefined;
  /** Whose client it is; only they may come back with its id. 1 to 128 characters. */
  userId?: string | undefined;
  /** Rooms that it is to be in, besides those that it is in already. */
  rooms?: readonly string[] | undefined;
}

/** Who connects, and what they have had. */
export interface Arrival {
  readonly clientId: string | undefined;
  /** The application has named the client. */
  readonly vouched: boolean;
  readonly userId: string | undefined;
  readonly rooms: readonly string[];
  readonly lastEventId: string | undefined;
}

/** What a client may come back with: an id of ours, or one that it made itself as long and as random. */
const CLIENT_ID = /^[A-Za-z0-9_-]{22,64}$/;
const NAME = /^[^\p{Cc}\p{Cs}]{1,128}$/u;

/** @throws TaskError `INVALID_INPUT`, `INVALID_CURSOR` */
export function readArrival(req: IncomingMessage | Http2ServerRequest, options: ConnectOptions): Arrival {
  const query = queryOf(req);
  const { clientId: named, userId, rooms = [] } = options;
  check(named === undefined || isOwnId(named), 'A client id is 1 to 128 visible ASCII characters');
  check(userId === undefined || NAME.test(userId), 'A user id is 1 to 128 characters');
  check(Array.isArray(rooms) && rooms.every(isRoom), 'A room is 1 to 128 characters');
  const header = req.headers[CLIENT_ID_HEADER.toLowerCase()];
  const given = named ?? (header === undefined || header === '' ? undefined : String(header));
  const clientId = given ?? readSingleParam(query, 'client_id', 'INVALID_INPUT');
  check(named !== undefined || clientId === undefined || CLIENT_ID.test(clientId), 'The client id is not one of ours');
  const cursor = req.headers['last-event-id'];
  const lastEventId = cursor === undefined || cursor === '' ? readLastEventIdParam(query) : String(cursor);
  if (lastEventId !== undefined && !isOwnId(lastEventId)) {
    throw new TaskError('INVALID_CURSOR', 'The last event id is not one of this hub');
  }
  return { clientId, vouched: named !== undefined, userId, rooms, lastEventId };
}

export const isRoom = (room: unknown): room is string => typeof room === 'string' && NAME.test(room);

function check(ok: boolean, message: string): void {
  if (!ok) throw new TaskError('INVALID_INPUT', message);
}

/** Where a client goes on, and what it is told it has missed. */
export interface Start {
  readonly position: number;
  readonly gap: HubGap | undefined;
}

/** What a hub knows of its past. */
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
export function startOf(lastEventId: string | undefined, known: Client | undefined, history: History): Start {
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
  if (id !== undefined) return id.resumeKey === epoch ? id.seq : undefined;
  if (lastEventId.startsWith(`${epoch}.`)) throw new TaskError('INVALID_CURSOR', 'The last event id has no seq');
  return known === undefined ? all.seqOfId(lastEventId) : known.seqOfId(lastEventId, all);
}
