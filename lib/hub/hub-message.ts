/** Checks messages before they are committed. */
import { TaskError } from '../core/errors.js';
import { assertOption } from '../core/check-options.js';
import { checkEventName, toJson } from '../core/task/payload.js';
import type { HubAddress, HubEntry } from './hub-log.js';

/** A message of a hub, as programs send it. */
export interface HubMessage {
  /**
   * The name of the event: 1 to 128 characters without control characters. Default: none, which `onmessage` receives.
   */
  event?: string | undefined;
  /** The data: anything that JSON can express. */
  data: unknown;
  /**
   * The id, in the place of the hub's own; clients return with it. 1 to 128 visible ASCII characters. A second message
   * with the same id on a channel is dropped while the first one is kept.
   */
  id?: string | undefined;
}

/** The names that the hub sends itself, and those that have a meaning of their own for EventSource. */
const RESERVED: ReadonlySet<string> = new Set(['connected', 'heartbeat', 'gap', 'open', 'error']);
const OWN_ID = /^[\x21-\x7e]{1,128}$/;
/** Matches an epoch and a dot. Anything may follow, because our ids have changed before. */
const LIKE_OURS = /^[\w-]{22}\./;

/** Tells whether `text` can be a message's own id, and so a `Last-Event-ID`. */
export const isOwnId = (text: unknown): text is string => typeof text === 'string' && OWN_ID.test(text);

/**
 * @throws TaskError `INVALID_EVENT_NAME`, `RESERVED_EVENT_NAME`, `INVALID_EVENT_ID`, `UNSERIALIZABLE`,
 * `EVENT_TOO_LARGE`
 */
export function toEntry(to: HubAddress, message: HubMessage, maxEventBytes: number): HubEntry {
  assertOption(typeof message === 'object' && (message as unknown) !== null, 'the message', 'an object', message);
  const { event, data, id } = message;
  if (event !== undefined) checkEventName(event, RESERVED);
  // An id that begins like the hub's own would be taken for a position by clients that return with it.
  if (id !== undefined && (!isOwnId(id) || LIKE_OURS.test(id))) {
    throw new TaskError('INVALID_EVENT_ID', 'An id is 1 to 128 visible ASCII characters, and not one of the hub');
  }
  return { to, event, json: toJson(data, maxEventBytes), id };
}
