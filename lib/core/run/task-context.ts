/** Makes the context that a job gets. */
import type { TaskRecord } from '../ports.js';
import type { TaskContext } from '../task/task.js';

/** The part of a run that its job may use. */
export interface ContextSource extends Pick<TaskContext, 'updateProgress' | 'emit'> {
  readonly record: TaskRecord;
  readonly options: { readonly input: unknown };
  readonly subscribers: number;
}

/** Returns the first argument of the job. */
export function contextOf(run: ContextSource, signal: AbortSignal): TaskContext {
  const { taskId, resumeKey, attempt, progress } = run.record;
  const { updateProgress, emit, options } = run;
  return {
    taskId,
    resumeKey,
    attempt,
    signal,
    input: options.input,
    lastProgress: progress === undefined ? undefined : (JSON.parse(progress) as unknown),
    updateProgress,
    emit,
    get subscriberCount() {
      return run.subscribers;
    },
  };
}
