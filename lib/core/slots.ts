/** What becomes of a start whose slot is taken: at most one task of an owner runs in a slot. */
import type { Follower } from './followers.js';
import type { OpenTaskStore, TaskRecord } from './ports.js';

/** Told to the clients of a task that was cancelled for another one in its slot. */
const SUPERSEDED = { code: 'TASK_SUPERSEDED', message: 'Another task was started in its place' };

/**
 * Cancels the task that runs in a slot, and resolves when its terminal event is in the log: then the slot is free, unless
 * somebody else has been faster.
 */
export async function supersede(store: OpenTaskStore, { taskId }: TaskRecord): Promise<void> {
  const feed = await store.open(taskId);
  if (feed === undefined) return;
  const { log } = feed;
  let follower: Follower | undefined;
  // Attached like a reader, so that a shared store brings the end here from whichever instance runs it.
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
