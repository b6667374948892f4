import { createTaskManager, type TaskManager, type TaskManagerOptions, type TaskStream } from '../../../lib/index.js';
import { fakeRequest } from '../sse/fake-request.js';
import { controlledJob, type ControlledRun } from './controlled-job.js';

/** A task that runs in a manager of its own, and the job in the test's hand. */
export interface StartedTask extends ControlledRun {
  readonly tasks: TaskManager;
  readonly stream: TaskStream;
  /** What `onTaskError` got. */
  readonly errors: unknown[];
}

/** A function that starts a task. Its manager is stopped after the test. */
export function useStartedTasks(): (options?: TaskManagerOptions) => Promise<StartedTask> {
  const managers: TaskManager[] = [];
  afterEach(async () => {
    for (const tasks of managers.splice(0)) await tasks.stop();
  });
  return async (options = {}) => {
    const errors: unknown[] = [];
    const tasks = createTaskManager({ onTaskError: (error) => errors.push(error), ...options });
    managers.push(tasks);
    const { job, run } = controlledJob();
    const stream = await tasks.executeWithSSE(fakeRequest(), undefined, undefined, job);
    return { ...(await run()), tasks, stream, errors };
  };
}
