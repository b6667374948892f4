import { headersOf, statusOf, type HttpErrorCode } from './error-status.js';
import { messageOf } from './thrown.js';

/** Stable reasons a caller may branch on. Messages may change in any release; codes only in a major. */
export type ErrorCode = HttpErrorCode | OutcomeCode | ProgramErrorCode;

/** How a task can end other than by its own result; also the `code` of the reason its signal aborts with. */
type OutcomeCode =
  | 'TASK_FAILED'
  | 'TASK_TIMEOUT'
  | 'TASK_CANCELLED'
  | 'TASK_ABANDONED' // nobody was attached for `abandonAfterMs`
  | 'TASK_SUPERSEDED' // another task was started in its slot
  | 'TASK_LOST'; // the instance that ran it died

/** Thrown to the program, never to a client before its stream. */
type ProgramErrorCode =
  | 'INVALID_OPTION'
  | 'CALLBACK_FAILED' // an option of yours that is a function threw, or returned what it must not; `cause` is its error
  | 'REQUEST_OVER' // a request was answered, or its client had left, before its task could start
  | 'FENCED' // another instance has taken the task over
  | 'ENDED'; // a message for a stream that its worker has ended

/**
 * Marks what is a TaskError. A process can load the library twice, as ESM and as CommonJS or in two versions; an error
 * of one copy is an error for the other too.
 */
const IS_TASK_ERROR = Symbol.for('resumable-sse.TaskError');

/** What an error may be given beside its code and message. */
export interface TaskErrorOptions extends ErrorOptions {
  /** Headers of the answer that this error becomes, such as the `Allow` of a 405. Default: none. */
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * The one error class of the library: branch on `code`; `cause` keeps the error underneath.
 *
 * It carries the HTTP answer that it stands for under the names that the error handlers of Express, Koa and Fastify read,
 * so that a route without error handling of its own answers 503 with `Retry-After`, and not 500.
 *
 * @example throw new TaskError('INVALID_INPUT', 'The year is missing'); // in `input`: the client gets a 400
 */
export class TaskError extends Error {
  override readonly name = 'TaskError';
  readonly #given: TaskErrorOptions['headers'];
  #headers: Readonly<Record<string, string>> | undefined;

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
    { headers, ...options }: TaskErrorOptions = {},
  ) {
    super(message, options);
    this.#given = headers;
  }

  /** The HTTP status of a request that is refused with this error; 500 for what is a mistake of the program. */
  get status(): number {
    return statusOf(this.code) ?? 500;
  }

  /** The same, as Express and Fastify call it. */
  get statusCode(): number {
    return this.status;
  }

  /** True where the message is meant for the client. */
  get expose(): boolean {
    return statusOf(this.code) !== undefined;
  }

  /** Headers of the answer: `Cache-Control`, with 429 and 503 a jittered `Retry-After` in seconds, and what was given. */
  get headers(): Readonly<Record<string, string>> {
    return (this.#headers ??= { ...headersOf(this.code), ...this.#given });
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
      const message = error instanceof Error ? textOf(error.message) : messageOf(error);
      return { code, message: clip(message, maxEventBytes) };
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
/** Of a task that another instance runs, or that has ended. */
export const notRunning = (status: string): TaskError =>
  new TaskError('TASK_NOT_RUNNING', status === 'running' ? 'Another instance runs it' : `It is already ${status}`);
export const shutdown = (): TaskError => new TaskError('SHUTDOWN', 'The server is shutting down');
