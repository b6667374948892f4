/** Checks what a job writes: data must be JSON of a limited size, event names must be free. */
import { TaskError } from '../errors.js';
import { isTooDeep, MAX_DEPTH } from './json-depth.js';
import { promiseIn, reasonOf } from '../unserializable.js';

/**
 * Returns `data` as JSON text: one line, since JSON escapes every line break in a string (RFC 8259, section 7), and
 * valid UTF-8, since JSON.stringify escapes lone surrogates.
 * @throws TaskError `UNSERIALIZABLE` for undefined, functions, symbols, BigInt, cycles, throwing getters, promises and
 * what is nested too deeply; `EVENT_TOO_LARGE` over `maxBytes` of UTF-8.
 */
export function toJson(data: unknown, maxBytes: number): string {
  let json: string | undefined;
  try {
    json = JSON.stringify(data) as string | undefined;
  } catch (cause) {
    const reason = cause instanceof RangeError ? TOO_DEEP : reasonOf(data, cause);
    throw new TaskError('UNSERIALIZABLE', `The data cannot be written as JSON: ${reason}`, { cause });
  }
  if (json === undefined)
    throw new TaskError('UNSERIALIZABLE', `The data cannot be written as JSON: it is ${typeof data}`);
  // A promise is written as {}: somebody has forgotten to await it.
  const promise = hasEmptyObject(json) ? promiseIn(data) : undefined;
  if (promise !== undefined)
    throw new TaskError('UNSERIALIZABLE', `The data cannot be written as JSON: ${promise} has to be awaited first`);
  if (json.length * 3 > maxBytes && Buffer.byteLength(json) > maxBytes) {
    throw new TaskError(
      'EVENT_TOO_LARGE',
      `The data takes ${Buffer.byteLength(json)} bytes, maxEventBytes is ${maxBytes}`,
    );
  }
  if (isTooDeep(json)) throw new TaskError('UNSERIALIZABLE', `The data cannot be written as JSON: ${TOO_DEEP}`);
  return json;
}

/**
 * Tells whether the JSON text holds `{}`. Most texts are one flat object, whose first closing brace is its last
 * character: that is found in half of the time that a search for two characters takes.
 */
function hasEmptyObject(json: string): boolean {
  const at = json.indexOf('}');
  return at !== -1 && (at === 1 || at < json.length - 1) && json.includes('{}');
}

const TOO_DEEP = `it is nested more than ${MAX_DEPTH} levels deep`;

/** The names that the library sends itself, and those that have a meaning of their own for EventSource. */
const RESERVED = new Set(['task', 'complete', 'failed', 'cancelled', 'gap', 'snapshot', 'open', 'error', 'message']);

/**
 * Matches 1 to 128 characters without lone surrogates and control characters, of which a line break would forge a
 * field.
 */
const EVENT_NAME = /^[^\p{Cc}\p{Cs}\u2028\u2029]{1,128}$/u;

/** @throws TaskError `INVALID_EVENT_NAME`, `RESERVED_EVENT_NAME` */
export function checkEventName(event: unknown, reserved: ReadonlySet<string> = RESERVED): asserts event is string {
  if (typeof event !== 'string' || !EVENT_NAME.test(event)) {
    throw new TaskError('INVALID_EVENT_NAME', 'An event name is 1 to 128 characters, none of them a control character');
  }
  if (reserved.has(event))
    throw new TaskError('RESERVED_EVENT_NAME', `The event name "${event}" is reserved for the library: choose another`);
}
