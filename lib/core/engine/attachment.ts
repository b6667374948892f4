/** The way of one subscriber into one task: where it starts, and the log that it reads. */
import { expired } from '../errors.js';
import type { Start } from '../log/subscription.js';
import type { OpenTaskStore, TaskFeed, TaskRecord } from '../ports.js';
import type { Resume, Started } from '../run/start-request.js';

/** The settings of one attachment. */
export interface AttachmentOptions {
  readonly record: TaskRecord;
  readonly subscriberId: string | undefined;
  /** The place at which the subscriber starts. */
  readonly start: Start;
  /** True where the task existed before the subscriber asked for it. */
  readonly resumed: boolean;
}

/** Describes an attachment. Nothing counts it as a subscriber before its log is opened and followed. */
export class Attachment {
  readonly record: TaskRecord;
  readonly subscriberId: string | undefined;
  readonly start: Start;
  readonly resumed: boolean;

  constructor(
    readonly store: Pick<OpenTaskStore, 'open'>,
    { record, subscriberId, start, resumed }: AttachmentOptions,
  ) {
    this.record = record;
    this.subscriberId = subscriberId;
    this.start = start;
    this.resumed = resumed;
  }

  /** Opens the log of the task. @throws TaskError `TASK_EXPIRED`, `STORE_UNAVAILABLE` */
  async open(): Promise<TaskFeed> {
    const feed = await this.store.open(this.record.taskId, this.start);
    if (feed === undefined) throw expired();
    return feed;
  }
}

/**
 * Makes the attachment of a subscriber to a task that has been found or started.
 * @param folds true where the task's wire folds all events into one state
 */
export async function createAttachment(
  store: Pick<OpenTaskStore, 'open' | 'departedAt'>,
  started: Started,
  resume: Resume,
  folds: boolean,
): Promise<Attachment> {
  const start = await startOf(store, started, resume, folds);
  const { record, created } = started;
  return new Attachment(store, { record, start, subscriberId: resume.subscriberId, resumed: !created });
}

/**
 * Decides where a subscriber starts: at its cursor, else where it left off, else at the oldest event that is kept. A
 * client of a folding wire that has no cursor begins with the folded state.
 */
async function startOf(
  store: Pick<OpenTaskStore, 'departedAt'>,
  { record, created }: Started,
  { cursor, epoch, subscriberId, snapshot }: Resume,
  folds: boolean,
): Promise<Start> {
  if (cursor !== undefined) return { position: cursor, epoch, snapshot: snapshot && !folds };
  if (folds) return { position: 0, snapshot: !created };
  // Nobody has left a new task, so the store is not asked for that: the job would begin meanwhile.
  const isNew = created || subscriberId === undefined;
  const departed = isNew ? undefined : await store.departedAt(record.taskId, subscriberId);
  return { position: departed ?? 0, snapshot };
}
