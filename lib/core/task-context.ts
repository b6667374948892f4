import type { Run } from './run.js';
import type { TaskContext } from './task.js';

/** Returns what the job of `run` gets. */
export function contextOf(run: Run, signal: AbortSignal): TaskContext {
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
