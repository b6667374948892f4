import { TaskError } from '../core/errors.js';
import { assertOption } from '../core/options.js';
import { checkEventName, toJson } from '../core/payload.js';
import type { HubAddress, HubEntry } from './hub-log.js';

export interface HubMessage {
  /** 1 to 128 characters without control characters. Default: none, which `onmessage` sees. */
  event?: string | undefined;
  /** Anything JSON can say. */
  data: unknown;
  /**
   * Sent as it is instead of the hub's own id; clients come back with it. 1 to 128 visible ASCII characters. A second
   * message with it on the same channel is dropped while the first one is kept.
   */
  id?: string | undefined;
}

/** Names that the hub sends itself, and those that EventSource gives a meaning of its own. */
const RESERVED: ReadonlySet<string> = new Set(['connected', 'heartbeat', 'gap', 'open', 'error']);
const OWN_ID = /^[\x21-\x7e]{1,128}$/;
/** An epoch and a dot. What follows may be anything: ids of ours have changed before. */
const LIKE_OURS = /^[\w-]{22}\./;

/** Text that can be a message's own id, and so a `Last-Event-ID`. */
export const isOwnId = (text: unknown): text is string => typeof text === 'string' && OWN_ID.test(text);

/**
 * @throws TaskError `INVALID_EVENT_NAME`, `RESERVED_EVENT_NAME`, `INVALID_EVENT_ID`, `UNSERIALIZABLE`,
 * `EVENT_TOO_LARGE`
 */
export function toEntry(to: HubAddress, message: HubMessage, maxEventBytes: number): HubEntry {
  assertOption(typeof message === 'object' && (message as unknown) !== null, 'the message', 'an object', message);
  const { event, data, id } = message;
  if (event !== undefined) checkEventName(event, RESERVED);
  // One that begins like the hub's own would be taken for a position by whoever comes back with it.
  if (id !== undefined && (!isOwnId(id) || LIKE_OURS.test(id))) {
    throw new TaskError('INVALID_EVENT_ID', 'An id is 1 to 128 visible ASCII characters, and not one of the hub');
  }
  return { to, event, json: toJson(data, maxEventBytes), id };
}
