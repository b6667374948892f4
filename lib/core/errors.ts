/** Stable reasons a caller may branch on. Messages may change in any release; codes only in a major. */
export type ErrorCode = HttpErrorCode | OutcomeCode | ProgramErrorCode;

/** What a request can be refused with. `http/problem.ts` gives each its HTTP status. */
export type HttpErrorCode =
  | 'TASK_NOT_FOUND' // no such task for this caller, or its tombstone is gone
  | 'TASK_EXPIRED' // its retention is over
  | 'TASK_NOT_RUNNING' // progress or an outcome after the terminal event
  | 'TASK_RUNNING' // the result was asked for before the end
  | 'INVALID_RESUME_KEY'
  | 'INVALID_CURSOR'
  | 'INVALID_INPUT'
  | 'INVALID_EVENT_NAME'
  | 'RESERVED_EVENT_NAME'
  | 'INVALID_EVENT_ID' // a hub message's own id
  | 'INVALID_JSON'
  | 'UNSERIALIZABLE' // JSON cannot say it
  | 'EVENT_TOO_LARGE' // `maxEventBytes`
  | 'PAYLOAD_TOO_LARGE' // the request's body
  | 'UNSUPPORTED_MEDIA_TYPE'
  | 'CLIENT_NOT_FOUND' // the hub does not know, or no longer knows, such a client
  | 'NOT_ACCEPTABLE' // the client accepts no text/event-stream
  | 'AT_CAPACITY' // `maxRunningTasks`, `maxClients`
  | 'TOO_MANY_TASKS' // `maxTasksPerOwner`
  | 'TOO_MANY_SUBSCRIBERS' // `maxSubscribersPerTask`
  | 'TOO_MANY_CLIENTS' // `maxClientsPerUser`
  | 'KEY_REUSED' // an idempotency key came with another payload
  | 'ORIGIN_NOT_ALLOWED'
  | 'PREFETCH_REFUSED'
  | 'METHOD_NOT_ALLOWED'
  | 'PIPELINING' // the request waits behind another one on its connection
  | 'STORE_UNAVAILABLE' // `cause` holds the driver's own error
  | 'INVALID_CLIENT_ID' // an id of an end client that could not be part of a subject
  | 'CLIENT_OFFLINE' // the end client is gone
  | 'NO_WORKER' // nobody is subscribed to the subject of a stream request
  | 'WORKER_LOST' // the worker fell silent in the middle of its stream
  | 'WORKER_TIMEOUT' // the worker lives but sent nothing for `idleTimeoutMs`
  | 'WORKER_PROTOCOL_ERROR' // messages of the worker are missing, or it sends what it must not
  | 'SHUTDOWN'; // this instance takes no new work

/** How a task can end other than by its own result; also the `code` of the reason its signal aborts with. */
type OutcomeCode =
  | 'TASK_FAILED'
  | 'TASK_TIMEOUT'
  | 'TASK_CANCELLED'
  | 'TASK_ABANDONED' // nobody was attached for `abandonAfterMs`
  | 'TASK_LOST'; // the instance that ran it died

/** Thrown to the program, never to a client before its stream. */
type ProgramErrorCode =
  | 'INVALID_OPTION'
  | 'CALLBACK_FAILED' // an option of yours that is a function threw, or returned what it must not; `cause` is its error
  | 'FENCED' // another instance has taken the task over
  | 'ENDED'; // a message for a stream that its worker has ended

/**
 * Marks what is a TaskError. A process can load the library twice, as ESM and as CommonJS or in two versions; an error
 * of one copy is an error for the other too.
 */
const IS_TASK_ERROR = Symbol.for('resumable-sse.TaskError');

/** The one error class of the library: branch on `code`; `cause` keeps the error underneath. */
export class TaskError extends Error {
  override readonly name = 'TaskError';

  /** Recognises TaskErrors of every copy of the library in this process. Never throws. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    try {
      if (this !== TaskError) return Function.prototype[Symbol.hasInstance].call(this, value); // a class of yours
      return typeof value === 'object' && value !== null && IS_TASK_ERROR in value;
    } catch {
      return false;
    }
  }

  constructor(
    readonly code: ErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
Object.defineProperty(TaskError.prototype, IS_TASK_ERROR, { value: true });

/** What a client is told of a failure. */
export interface PublicError {
  readonly code: string;
  readonly message: string;
}

/** How much of an error clients may see. */
export interface ErrorExposure {
  /** The text of any error, not only of a TaskError. */
  readonly exposeErrors: boolean;
  /** How long the JSON of a text may be. */
  readonly maxEventBytes: number;
}

/**
 * What a client may see of `error`: a `TaskError` as it is, anything else only when errors are exposed, because
 * a stray error text can hold a path, a query or a secret. Never more than fits into an event.
 */
export function toPublicError(error: unknown, { exposeErrors, maxEventBytes }: ErrorExposure): PublicError {
  try {
    const code = error instanceof TaskError ? textOf(error.code) : 'TASK_FAILED';
    if (exposeErrors || error instanceof TaskError) {
      return { code, message: clip(textOf(error instanceof Error ? error.message : error), maxEventBytes) };
    }
  } catch {
    // Anything can be thrown, also what throws when it is looked at.
  }
  return { code: 'TASK_FAILED', message: 'The task failed' };
}

/** A job can have put anything in the place of a message. */
const textOf = (value: unknown): string => String(value);

/** As much of the start of `text` as takes at most `maxBytes` of JSON text. */
function clip(text: string, maxBytes: number): string {
  let clipped = text;
  while (clipped !== '' && Buffer.byteLength(JSON.stringify(clipped)) > maxBytes) {
    clipped = clipped.slice(0, clipped.length >> 1);
  }
  return clipped === text ? text : `${clipped}…`;
}

export const notFound = (): TaskError => new TaskError('TASK_NOT_FOUND', 'There is no such task');
export const expired = (): TaskError => new TaskError('TASK_EXPIRED', 'The task is no longer kept');
export const abandoned = (): TaskError => new TaskError('TASK_ABANDONED', 'Nobody was attached any more');
export const shutdown = (): TaskError => new TaskError('SHUTDOWN', 'The server is shutting down');
