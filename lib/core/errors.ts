/** The one error class of the library, its codes, and what clients may see of an error. */
import { isSendable } from './http-header.js';
import { headersOf, statusOf, type HttpErrorCode } from './error-status.js';
import { messageOf } from './thrown.js';

/** The stable reasons that a caller may branch on. Messages may change in any release, codes only in a major one. */
export type ErrorCode = HttpErrorCode | OutcomeCode | ProgramErrorCode;

/**
 * These codes say why a task ended without a result of its own. The reason that its signal aborts with has the same
 * code.
 */
type OutcomeCode =
  | 'TASK_FAILED'
  | 'TASK_TIMEOUT'
  | 'TASK_CANCELLED'
  | 'TASK_ABANDONED' // nobody was attached for `abandonAfterMs`
  | 'TASK_SUPERSEDED' // another task was started in its slot
  | 'TASK_LOST'; // the instance that ran it died

/** These are thrown to the program. No client gets one in the place of a stream. */
type ProgramErrorCode =
  | 'INVALID_OPTION'
  | 'CALLBACK_FAILED' // an option of yours that is a function threw, or returned what it must not; `cause` is its error
  | 'REQUEST_OVER' // a request was answered, or its client had left, before its task could start
  | 'FENCED' // another instance has taken the task over
  | 'ENDED'; // a message for a stream that its worker has ended

/**
 * Marks every TaskError. A process can load the library twice, as ESM and as CommonJS or in two versions, and an error
 * of one copy must be an error for the other too.
 */
const IS_TASK_ERROR = Symbol.for('resumable-sse.TaskError');

/** Further members of a TaskError, beside its code and message. */
export interface TaskErrorOptions extends ErrorOptions {
  /** Headers of the answer that this error becomes, such as the `Allow` of a 405. Default: none. */
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * The one error class of the library. Branch on `code`; `cause` holds the error underneath.
 *
 * It carries the HTTP answer that it stands for, under the names that the error handlers of Express, Koa and Fastify
 * read. A route without error handling of its own therefore answers 503 with `Retry-After` instead of 500.
 * @example throw new TaskError('INVALID_INPUT', 'The year is missing'); // in `input`: the client gets a 400
 */
export class TaskError extends Error {
  /** Always `TaskError`, so that logs name the class. */
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

  /** @param code the reason, to branch on */
  constructor(
    /** The reason, to branch on. */
    readonly code: ErrorCode,
    message: string,
    { headers, ...options }: TaskErrorOptions = {},
  ) {
    super(message, options);
    this.#given = headers;
  }

  /** The HTTP status of a request that is refused with this error. A mistake of the program is a 500. */
  get status(): number {
    return statusOf(this.code) ?? 500;
  }

  /** Replaces it, for an error handler that writes to errors. */
  set status(status: number) {
    replace(this, 'status', status);
  }

  /** The same status, under the name that Express and Fastify read. */
  get statusCode(): number {
    return this.status;
  }

  /** Replaces it, for an error handler that writes to errors. */
  set statusCode(status: number) {
    replace(this, 'statusCode', status);
  }

  /** True where the message is meant for the client. */
  get expose(): boolean {
    return statusOf(this.code) !== undefined;
  }

  /** Replaces it, for an error handler that writes to errors. */
  set expose(expose: boolean) {
    replace(this, 'expose', expose);
  }

  /** Headers of the answer: `Cache-Control`, with 429 and 503 a jittered `Retry-After` in seconds, and what was given. */
  get headers(): Readonly<Record<string, string>> {
    return (this.#headers ??= { ...headersOf(this.code), ...sendable(this.#given) });
  }

  /** Replaces it, for an error handler that writes to errors. */
  set headers(headers: Readonly<Record<string, string>>) {
    replace(this, 'headers', headers);
  }
}

/** Lets error handlers write what they may write to any error: Koa's own one sets `status`, `http-errors` all but the headers. */
function replace<K extends 'status' | 'statusCode' | 'expose' | 'headers'>(
  error: TaskError,
  name: K,
  value: TaskError[K],
): void {
  Object.defineProperty(error, name, { value, writable: true, enumerable: true, configurable: true });
}

/**
 * Returns the headers that can be sent (RFC 9110, section 5). The others are left out, because they would take the
 * answer with them, and in Express's own error handler the process.
 */
function sendable(headers: TaskErrorOptions['headers'] = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name, value]) => isSendable(name, value)));
}

Object.defineProperty(TaskError.prototype, IS_TASK_ERROR, { value: true });

/** The part of an error that clients are shown. */
export interface PublicError {
  readonly code: string;
  readonly message: string;
}

/** Limits how much of an error clients may see. */
export interface ErrorExposure {
  /** Shows the message of any error, and not only of a TaskError. */
  readonly exposeErrors: boolean;
  /** The longest JSON text of a message, in bytes. */
  readonly maxEventBytes: number;
}

/**
 * Returns what a client may see of `error`. A `TaskError` is shown as it is. Anything else is shown only when errors
 * are exposed, because a stray error text can hold a path, a query or a secret. The result always fits into an event.
 */
export function toPublicError(error: unknown, { exposeErrors, maxEventBytes }: ErrorExposure): PublicError {
  try {
    const code = error instanceof TaskError ? clip(textOf(error.code), MAX_CODE_BYTES) : 'TASK_FAILED';
    if (exposeErrors || error instanceof TaskError) {
      const message = error instanceof Error ? textOf(error.message) : messageOf(error);
      return { code, message: clip(message, maxEventBytes) };
    }
  } catch {
    // Anything can be thrown, even an object that throws again when it is looked at.
  }
  return { code: 'TASK_FAILED', message: 'The task failed' };
}

/** A job may have put any text in the place of a code. */
const MAX_CODE_BYTES = 128;

/** Turns a message into text, because a job may have put any value in its place. */
const textOf = (value: unknown): string => String(value);

/** Returns as much of the start of `text` as takes at most `maxBytes` of JSON. */
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
export const tooManyTasks = (): TaskError =>
  new TaskError(
    'TOO_MANY_TASKS',
    'Too many of your tasks are running: maxTasksPerOwner is reached, wait until one ends',
  );
/** Refuses a change to a task that another instance runs, or that has ended. */
export const notRunning = (status: string): TaskError =>
  new TaskError(
    'TASK_NOT_RUNNING',
    status === 'running'
      ? 'Another instance runs the task, and only that one may change it'
      : `The task is already ${status}`,
  );
/** @param cause the store's own error, where it has one */
export const unavailable = (message: string, cause?: unknown): TaskError =>
  new TaskError('STORE_UNAVAILABLE', message, cause === undefined ? undefined : { cause });
export const shutdown = (): TaskError => new TaskError('SHUTDOWN', 'The server is shutting down');
