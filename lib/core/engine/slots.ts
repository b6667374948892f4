/** Frees a slot for the next task: at most one task of an owner runs in a slot. */
import type { Follower } from '../log/followers.js';
import type { OpenTaskStore, TaskRecord } from '../ports.js';

/** Tells the clients of a task why it was cancelled. */
const SUPERSEDED = { code: 'TASK_SUPERSEDED', message: 'Another task was started in its place' };

/**
 * Cancels the task that runs in a slot. Resolves when its terminal event is in the log; then the slot is free, unless
 * another start was faster.
 */
export async function supersede(store: OpenTaskStore, { taskId }: TaskRecord): Promise<void> {
  const feed = await store.open(taskId);
  if (feed === undefined) return;
  const { log } = feed;
  let follower: Follower | undefined;
  // Attach like a reader, so that a shared store brings the end here from the instance that runs the task.
  feed.join(undefined);
  try {
    const ended = new Promise<void>((resolve) => {
      const wake = (): void => {
        if (log.ended || log.discarded) resolve();
      };
      log.follow((follower = { wake }));
    });
    await store.requestCancel(taskId, SUPERSEDED);
    if (!log.ended && !log.discarded) await ended;
  } finally {
    if (follower !== undefined) log.unfollow(follower);
    feed.leave(undefined, log.lastSeq);
  }
}
