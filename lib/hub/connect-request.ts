/** Reads from a request which client connects to the hub, and which messages it has. */
import type { IncomingMessage } from 'node:http';
import type { Http2ServerRequest } from 'node:http2';
import { IDENTITY_RULE, isIdentity } from '../core/callbacks.js';
import { TaskError } from '../core/errors.js';
import { A_STRING, AN_ARRAY, checkOptions, isListOf, type OptionRules } from '../core/check-options.js';
import { queryOf, readLastEventIdParam, readSingleParam } from '../http/read-request.js';
import { CLIENT_ID_HEADER } from '../sse/headers.js';
import { isOwnId } from './hub-message.js';

/** Options of `hub.connect`. */
export interface ConnectOptions {
  /**
   * The id of the client, where the application names its clients itself: a client that is connected with it is
   * replaced, and only a request that is given the same id here continues as this client. 1 to 128 visible ASCII
   * characters. Default: the id that the request returns with, else a new unguessable one.
   */
  clientId?: string | undefined;
  /** Identifies the user, who alone may return with the client's id. 1 to 256 characters. Default: nobody. */
  userId?: string | undefined;
  /** The rooms that the client joins, besides those that it is in already. 1 to 128 characters each. Default: none. */
  rooms?: readonly string[] | undefined;
}

/** A checked request to connect. */
export interface ConnectRequest {
  readonly clientId: string | undefined;
  /** True where the application has named the client, and not the request. */
  readonly idFromApplication: boolean;
  readonly userId: string | undefined;
  readonly rooms: readonly string[];
  readonly lastEventId: string | undefined;
}

const CONNECT_RULES: OptionRules<ConnectOptions> = {
  clientId: A_STRING,
  userId: { text: IDENTITY_RULE, accepts: isIdentity },
  rooms: AN_ARRAY,
};

/** Matches the ids that a client may return with: one of ours, or one that it made itself, as long and as random. */
const CLIENT_ID = /^[A-Za-z0-9_-]{22,64}$/;
const ROOM = /^[^\p{Cc}\p{Cs}]{1,128}$/u;

/**
 * @throws TaskError `INVALID_INPUT`, `INVALID_CURSOR` for what the request brings, `INVALID_OPTION` for what the
 * application says of it
 */
export function readConnectRequest(req: IncomingMessage | Http2ServerRequest, options: ConnectOptions): ConnectRequest {
  const { clientId: named, userId, rooms = [] } = checkOptions('hub.connect', options, CONNECT_RULES);
  const query = queryOf(req);
  check(named === undefined || isOwnId(named), 'A client id is 1 to 128 visible ASCII characters');
  check(isListOf(rooms, isRoom), 'A room is 1 to 128 characters');
  const header = req.headers[CLIENT_ID_HEADER.toLowerCase()];
  const given = named ?? (header === undefined || header === '' ? undefined : String(header));
  const clientId = given ?? readSingleParam(query, 'client_id', 'INVALID_INPUT');
  check(named !== undefined || clientId === undefined || CLIENT_ID.test(clientId), 'The client id is not one of ours');
  const cursor = req.headers['last-event-id'];
  const lastEventId = cursor === undefined || cursor === '' ? readLastEventIdParam(query) : String(cursor);
  if (lastEventId !== undefined && !isOwnId(lastEventId)) {
    throw new TaskError('INVALID_CURSOR', 'The last event id is not one of this hub');
  }
  return { clientId, idFromApplication: named !== undefined, userId, rooms, lastEventId };
}

/** Tells whether `room` can be the name of a room. */
export const isRoom = (room: unknown): room is string => typeof room === 'string' && ROOM.test(room);

function check(ok: boolean, message: string): void {
  if (!ok) throw new TaskError('INVALID_INPUT', message);
}
