/** Starts, finishes and reads tasks for the suite of stores. */
import type { OpenTaskStore, Takeover, TaskDraft, TaskRecord, TaskRef, TaskWriter } from '../../core/ports.js';
import { FeedReader } from '../feed-reader.js';
import type { Start } from '../../core/log/subscription.js';
import { draft, RecordingExecutor } from '../store-fixtures.js';

/** The retention of finished tasks in the stores of the suite, in ms. */
export const TTL_MS = 2_000;

/** A task that runs, and whoever runs it. */
export interface StartedTask {
  readonly draft: TaskDraft;
  readonly taskId: string;
  readonly writer: TaskWriter;
  readonly executor: RecordingExecutor;
}

/** @throws AssertionError where the store finds a task instead */
export async function started(
  store: OpenTaskStore,
  { snapshot, ...changed }: Partial<TaskDraft> & { snapshot?: () => string | undefined } = {},
): Promise<StartedTask> {
  const executor = new RecordingExecutor(snapshot);
  const asked = draft(changed);
  const creation = await store.create(asked);
  if (!creation.created) throw new Error('The store found a task where none was');
  creation.writer.begin(executor);
  return { draft: asked, taskId: asked.taskId, writer: creation.writer, executor };
}

/** A task that has appended `events` events, `{"n":1}` first, and ended. */
export async function finished(
  store: OpenTaskStore,
  events = 0,
  changed: Partial<TaskDraft> = {},
): Promise<StartedTask> {
  const task = await started(store, changed);
  for (let n = 1; n <= events; n++) await task.writer.append(undefined, `{"n":${n}}`);
  await task.writer.finish('completed', '{"done":true}');
  return task;
}

/** Returns the record of a task that is there. */
export async function recordOf(store: OpenTaskStore, ref: TaskRef): Promise<TaskRecord> {
  const found = await store.find(ref, true);
  if (found === undefined || found.status === 'expired') throw new Error('There is no such task');
  return found;
}

/** A reader of a task that is there. */
export async function reading(
  store: OpenTaskStore,
  taskId: string,
  start: Partial<Start> = {},
  subscriberId?: string,
): Promise<FeedReader> {
  const feed = await store.open(taskId);
  if (feed === undefined) throw new Error('There is no such task');
  return new FeedReader(feed, start, subscriberId);
}

/** Resolves as soon as `holds`; asks again after every turn of the event loop. */
export async function eventually(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setImmediate(resolve));
}

/** Takes over a task that was given up. */
export async function taken(store: OpenTaskStore, taskId: string, folds = false): Promise<Takeover> {
  const takeover = await store.claim(taskId, folds);
  if (takeover === undefined || !('writer' in takeover)) throw new Error('The task cannot be taken over');
  return takeover;
}

/** The same, for whoever runs it from now on. */
export async function claimedBy(
  store: OpenTaskStore,
  taskId: string,
  executor = new RecordingExecutor(),
): Promise<TaskWriter> {
  const { writer } = await taken(store, taskId);
  writer.begin(executor);
  return writer;
}
