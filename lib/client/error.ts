/**
 * Why a stream ended without a result. `code` is what to branch on: the code that the task failed or was cancelled with
 * (`TASK_FAILED`, `TASK_CANCELLED`, …), the code of a refusal (`TASK_NOT_FOUND`, …; `HTTP_401` and the like where the
 * answer names none), or one of the client's own:
 *
 * - `CLOSED`: by `close()`;
 * - `GAVE_UP`: `maxRetries` attempts in a row brought nothing; `cause` is what the last one met;
 * - `ENDED`: the task has ended, and its end was seen before (204);
 * - `NO_STREAM`: the answer is no `text/event-stream`;
 * - `NO_LINK`: the server did not say where the task can be cancelled (its option `tasksPath`).
 */
export class StreamError extends Error {
  override readonly name = 'StreamError';

  constructor(
    readonly code: string,
    message = code,
    /** The HTTP status of the answer that ended it. */
    readonly status?: number,
    cause?: unknown,
  ) {
    super(message, { cause });
  }
}

/** What a refusal says, RFC 9457 or not. */
export async function toStreamError(response: Response): Promise<StreamError> {
  const { status } = response;
  // A page of a proxy or the application's own words: the status has to do.
  const problem = (await response.json().catch(() => null)) as { code?: string; detail?: string } | null;
  return new StreamError(problem?.code ?? `HTTP_${status}`, problem?.detail, status);
}
