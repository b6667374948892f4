/**
 * Maps the code of each refusal to its HTTP status. No other table knows both. It stands beside the codes and not in a
 * front, because every error carries its status, so that a framework that knows nothing of this library answers with
 * it.
 */
const STATUS = {
  TASK_NOT_FOUND: 404, // no such task for this caller, or its tombstone is gone
  TASK_EXPIRED: 410, // its retention is over
  TASK_NOT_RUNNING: 409, // progress or an outcome after the terminal event
  TASK_RUNNING: 409, // the result was asked for before the end
  INVALID_RESUME_KEY: 400,
  INVALID_CURSOR: 400,
  INVALID_INPUT: 400,
  INVALID_EVENT_NAME: 400,
  RESERVED_EVENT_NAME: 400,
  INVALID_EVENT_ID: 400, // a hub message's own id
  INVALID_JSON: 400,
  UNSERIALIZABLE: 400, // JSON cannot say it
  EVENT_TOO_LARGE: 413, // `maxEventBytes`
  PAYLOAD_TOO_LARGE: 413, // the request's body
  UNSUPPORTED_MEDIA_TYPE: 415,
  CLIENT_NOT_FOUND: 404, // the hub does not know, or no longer knows, such a client
  NOT_ACCEPTABLE: 406, // the client accepts no text/event-stream
  AT_CAPACITY: 503, // `maxRunningTasks`, `maxClients`
  TOO_MANY_TASKS: 429, // `maxTasksPerOwner`
  TOO_MANY_SUBSCRIBERS: 429, // `maxSubscribersPerTask`
  TOO_MANY_CLIENTS: 429, // `maxClientsPerUser`
  KEY_REUSED: 422, // an idempotency key came with another payload
  ORIGIN_NOT_ALLOWED: 403,
  PREFETCH_REFUSED: 403,
  METHOD_NOT_ALLOWED: 405,
  PIPELINING: 409, // the request waits behind another one on its connection
  STORE_UNAVAILABLE: 503, // `cause` holds the driver's own error
  INVALID_CLIENT_ID: 400, // an id of an end client that could not be part of a subject
  CLIENT_OFFLINE: 410, // the end client is gone
  NO_WORKER: 503, // nobody is subscribed to the subject of a stream request
  WORKER_LOST: 502, // the worker fell silent in the middle of its stream
  WORKER_TIMEOUT: 504, // the worker lives but sent nothing for `idleTimeoutMs`
  WORKER_PROTOCOL_ERROR: 502, // messages of the worker are missing, or it sends what it must not
  SLOT_BUSY: 409, // another task runs in the slot of the one that was to be started
  UNKNOWN_WIRE: 501, // the task speaks a wire that this instance has not been told: see the option `wires`
  SHUTDOWN: 503, // this instance takes no new work
} as const;

/** The codes that a request can be refused with. */
export type HttpErrorCode = keyof typeof STATUS;

/** The status that a request is refused with, or undefined for a code that no request is refused with. */
export function statusOf(code: string): number | undefined {
  return Object.hasOwn(STATUS, code) ? STATUS[code as HttpErrorCode] : undefined;
}

/** The headers that belong to a refusal with `code`. Refusals must never be cached: what was refused may be there next time. */
export function headersOf(code: string): Record<string, string> {
  const headers: Record<string, string> = { 'Cache-Control': 'no-store' };
  const status = statusOf(code);
  // The delay is jittered, so that a crowd that was refused at once does not come back at once.
  if (status === 429 || status === 503) headers['Retry-After'] = String(1 + Math.floor(Math.random() * 5));
  // Pipelined requests would only be queued again, and an instance that is being stopped would refuse the next one, too.
  if (code === 'PIPELINING' || code === 'SHUTDOWN') headers.Connection = 'close';
  return headers;
}
