import fc from 'fast-check';
import type { TaskDraft, OpenTaskStore, TaskWriter } from '../../../lib/core/ports.js';
import type { FinalStatus } from '../../../lib/core/task/status.js';
import { FeedReader } from '../jobs/feed-reader.js';
import { codeOf, RecordingExecutor } from './store-fixtures.js';
import { until } from '../clock/until.js';

const task = fc.nat(5);
const on = fc.nat(1);
const owner = fc.constantFrom(undefined, 'ann', 'bob');
const name = fc.constantFrom('phone', 'desk');
const status = fc.constantFrom<FinalStatus>('completed', 'failed', 'cancelled');
const event = fc.constantFrom(undefined, undefined, undefined, 'row', 'été: ☃');
const text = fc.constantFrom('', 'x', 'ä☃', '😀\u2028"\\', 'x'.repeat(3_000));

const step = <T extends object>(what: string, values: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<Step> =>
  fc.record({ ...values, do: fc.constant(what) }) as fc.Arbitrary<Step>;

/** One call of a store, on the first or the second instance; `task` counts from the newest. */
export interface Step {
  readonly do: string;
  readonly task: number;
  readonly on: number;
  readonly owner?: string;
  readonly key?: string;
  readonly fingerprint?: string;
  readonly count: number;
  readonly event?: string;
  readonly text: string;
  readonly status: FinalStatus;
  readonly position: number;
  readonly name: string;
}

export const traces: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 3,
      arbitrary: step('start', { on, owner, key: fc.constantFrom(undefined, undefined, 'k'), fingerprint: text }),
    },
    { weight: 6, arbitrary: step('append', { task, event, text, count: fc.integer({ min: 1, max: 90 }) }) },
    { weight: 2, arbitrary: step('finish', { task, status, text }) },
    { weight: 1, arbitrary: step('hand over', { task, on }) },
    { weight: 1, arbitrary: step('cancel', { task, on }) },
    { weight: 3, arbitrary: step('attach', { task, on, name, position: fc.nat(120) }) },
    { weight: 2, arbitrary: step('leave', { task, name }) },
    { weight: 2, arbitrary: step('look', { task, on, owner, name }) },
  ),
  { maxLength: 30, size: 'max' },
);

interface Traced {
  readonly draft: TaskDraft;
  readonly writers: TaskWriter[];
  readonly executors: RecordingExecutor[];
  readonly readers: Map<string, FeedReader>;
  /** Whoever claims it next may be told so again: that is each store's own. */
  isToBeCancelled: boolean;
}

/** Plays a trace on one store, which `instances` serve. What it answers can be compared with any other store's. */
export class TracePlayer {
  readonly #tasks: Traced[] = [];

  constructor(readonly instances: readonly OpenTaskStore[]) {}

  async play(step: Step, draft: TaskDraft): Promise<unknown> {
    if (step.do === 'start') return this.#start(this.#at(step), draft);
    const traced = this.#tasks.at(-1 - (step.task % this.#tasks.length));
    if (traced === undefined) return undefined;
    const { taskId } = traced.draft;
    const writer = traced.writers.at(-1) as TaskWriter;
    switch (step.do) {
      case 'append': {
        const json = JSON.stringify(step.text);
        return Promise.all(Array.from({ length: step.count }, () => codeOf(() => writer.append(step.event, json))));
      }
      case 'finish':
        return codeOf(() => writer.finish(step.status, JSON.stringify({ task_id: taskId, text: step.text })));
      case 'hand over':
        return this.#handOver(traced, this.#at(step));
      case 'cancel':
        return this.#cancel(traced, this.#at(step));
      case 'attach':
        return this.#attach(traced, step);
      case 'leave':
        traced.readers.get(step.name)?.close();
        traced.readers.delete(step.name);
        return undefined;
      default:
        return undefined;
    }
  }

  /** All that anybody can ask about; where instances tell each other, it may take a moment to be so. */
  async look(step: Step): Promise<unknown> {
    const store = this.#at(step);
    const listed = await store.list({ owner: step.owner, limit: 100 });
    const all = this.#tasks.map(async ({ draft, executors, readers }) => {
      const { taskId, resumeKey, owner: whose, idempotencyKey } = draft;
      const found = [await store.find({ taskId }, true), await store.find({ resumeKey }, true)];
      if (idempotencyKey !== undefined) found.push(await store.find({ owner: whose, idempotencyKey }, true));
      return {
        found: found.map((record) => record && timeless(record)),
        departed: await store.departedAt(taskId, step.name),
        cancels: executors.map(({ cancels }) => cancels.slice(0, 1)), // the same request may be told twice
        read: [...readers.values()].map((reader) => [
          reader.drain().frames,
          reader.others,
          reader.subscription.finished,
        ]),
      };
    });
    return { listed: listed.map(({ taskId }) => taskId), tasks: await Promise.all(all) };
  }

  #at({ on: index = 0 }: Partial<Step>): OpenTaskStore {
    return this.instances[index % this.instances.length] as OpenTaskStore;
  }

  async #start(store: OpenTaskStore, draft: TaskDraft): Promise<unknown> {
    const executor = new RecordingExecutor();
    try {
      const creation = await store.create(draft);
      // Whether the texts come along is each store's own.
      if (!creation.created) return { ...immediate(creation.record), progress: undefined, outcome: undefined };
      creation.writer.begin(executor);
      this.#tasks.push({
        draft,
        writers: [creation.writer],
        executors: [executor],
        readers: new Map(),
        isToBeCancelled: false,
      });
      return 'created';
    } catch (error) {
      return codeOf(() => Promise.reject(error));
    }
  }

  async #handOver(
    { draft: { taskId }, writers, executors, isToBeCancelled }: Traced,
    store: OpenTaskStore,
  ): Promise<unknown> {
    const before = writers.at(-1) as TaskWriter;
    if (before.record.status !== 'running' || isToBeCancelled) return undefined;
    const held = await store.claim(taskId, false);
    await before.release();
    const executor = new RecordingExecutor();
    const takeover = await store.claim(taskId, false);
    const writer = takeover !== undefined && 'writer' in takeover ? takeover.writer : undefined;
    if (writer !== undefined) {
      writer.begin(executor);
      writers.push(writer);
      executors.push(executor);
    }
    return [held, writer && immediate(writer.record), await codeOf(() => before.append(undefined, '"late"'))];
  }

  /** Goes on when it has arrived: a task that ends before need not be told. */
  async #cancel(traced: Traced, store: OpenTaskStore): Promise<unknown> {
    const { cancels } = traced.executors.at(-1) as RecordingExecutor;
    const before = cancels.length;
    traced.isToBeCancelled = true;
    const asked = await store.requestCancel(traced.draft.taskId, { code: 'TASK_CANCELLED', message: 'Stop' });
    if (asked) await until(() => cancels.length > before);
    return asked;
  }

  async #attach({ draft: { taskId }, readers }: Traced, step: Step): Promise<unknown> {
    if (readers.has(step.name)) return undefined;
    const feed = await this.#at(step).open(taskId);
    if (feed === undefined) return 'gone';
    const reader = new FeedReader(feed, { position: step.position }, step.name).drain();
    readers.set(step.name, reader);
    return [reader.frames, reader.others];
  }
}

/** Also without the subscribers: who has just come to another instance is counted a moment later. `look` waits for it. */
const immediate = (record: object): object => ({ ...timeless(record), subscribers: undefined });

/** Without the times, which are each store's own. */
function timeless(record: object): object {
  const known = { ...pick(record, RECORD_FIELDS) };
  // The ids of later holders carry a random number, so that they take more or fewer bytes.
  if (known['attempt'] !== 1) delete known['bufferedBytes'];
  return { ...known, expires: (record as { expiresAtMs?: number }).expiresAtMs !== undefined };
}

const RECORD_FIELDS = [
  ...['taskId', 'resumeKey', 'owner', 'fingerprint', 'status', 'attempt', 'lastSeq', 'firstKeptSeq'],
  ...['bufferedEvents', 'bufferedBytes', 'subscribers', 'progress', 'outcome'],
];

/** Copies: some of them are live. */
const pick = (record: object, fields: readonly string[]): Record<string, unknown> =>
  Object.fromEntries(fields.map((field) => [field, (record as Record<string, unknown>)[field]]));
