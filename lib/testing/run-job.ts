/** Runs a job in a unit test as a manager runs it, without a server, a request or a client. */
import { A_CLOCK, A_SIGNAL, assertOption, checkOptions, wholeNumber, type OptionRules } from '../core/check-options.js';
import { Engine } from '../core/engine/engine.js';
import { resolveOptions } from '../core/engine/engine-options.js';
import type { Clock } from '../core/clock.js';
import { TaskError } from '../core/errors.js';
import type { AsyncTask, TaskProgress, TaskResult } from '../core/task/task.js';
import { toTaskEvent, type TaskEvent } from '../sse/frame.js';
import { Wires } from '../wires/wires.js';
import { FeedReader } from './feed-reader.js';

/** The outcome of a job. */
export interface FinishedJob<P, R> {
  /** Its return value as a client gets it: after JSON. */
  readonly result: R;
  /** Its progress, in order, after JSON. */
  readonly progress: readonly P[];
  /** All that a client would see: progress, named events and the terminal event. */
  readonly events: readonly TaskEvent<P, R>[];
}

/** Options of `runJob`. */
export interface RunJobOptions {
  /** Cancels the task, as a client or `cancelTask` does. */
  readonly signal?: AbortSignal;
  /** The time that it may take, in ms by `clock`. Default: any. */
  readonly timeoutMs?: number;
  /** Default: the system's. */
  readonly clock?: Clock;
}

const RULES: OptionRules<RunJobOptions> = {
  signal: A_SIGNAL,
  timeoutMs: wholeNumber([Infinity, 1, Infinity]),
  clock: A_CLOCK,
};

/**
 * Runs `job` to its end.
 * @throws the error that the job threw; TaskError `TASK_CANCELLED` or `TASK_TIMEOUT` where it was stopped; `INVALID_OPTION`
 * @example
 * const { result, progress } = await runJob(buildReport, { year: 2026 });
 * assert.deepEqual(progress, [{ step: 1 }, { step: 2 }]);
 */
export async function runJob<P, R, I>(
  job: AsyncTask<P, R, I>,
  input?: I,
  options: RunJobOptions = {},
): Promise<FinishedJob<TaskProgress<P>, TaskResult<R>>> {
  assertOption(typeof job === 'function', 'the job', 'a function', job);
  const { signal, timeoutMs = Infinity, clock } = checkOptions('runJob', options, RULES);
  let failure: { readonly error: unknown } | undefined;
  const onTaskError = (error: unknown): void => void (failure ??= { error });
  const resolved = resolveOptions({ timeoutMs, abandonAfterMs: Infinity, onTaskError, ...(clock && { clock }) });
  const engine = new Engine(resolved, undefined, new Wires());
  try {
    const started = await engine.start({
      job: job as AsyncTask,
      input,
      timeoutMs,
      abandonAfterMs: Infinity,
      snapshot: undefined,
      handler: undefined,
      owner: undefined,
      idempotencyKey: undefined,
      fingerprint: undefined,
    });
    const cancel = (): void => void engine.cancel(started.record.taskId, 'The test has cancelled it');
    signal?.addEventListener('abort', cancel, { once: true });
    if (signal?.aborted) cancel();
    const attachment = await engine.attachTo(started, { cursor: 0, subscriberId: undefined, snapshot: false });
    const reader = new FeedReader(await attachment.open());
    await reader.untilFinished();
    signal?.removeEventListener('abort', cancel);
    const events = reader.frames.map(({ event, data, seq }) =>
      toTaskEvent<TaskProgress<P>, TaskResult<R>>(event, data, seq),
    );
    const end = events.at(-1);
    if (failure !== undefined) throw failure.error;
    if (end?.kind !== 'complete') throw stopped(end);
    return { result: end.result, events, progress: events.flatMap((e) => (e.kind === 'progress' ? [e.data] : [])) };
  } finally {
    await engine.stop(0);
  }
}

function stopped(end: TaskEvent | undefined): TaskError {
  if (end?.kind === 'failed') return new TaskError('TASK_TIMEOUT', end.error.message);
  return new TaskError('TASK_CANCELLED', end?.kind === 'cancelled' ? end.reason : 'It has no end');
}
