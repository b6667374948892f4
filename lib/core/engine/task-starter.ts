/** Starts tasks, and remembers each start until the store has answered. */
import { draftOf } from './task-draft.js';
import type { ResolvedOptions } from './engine-options.js';
import { unavailable } from '../errors.js';
import type { Creation, OpenTaskStore, TaskDraft, TaskRecord, TaskRef, TaskWriter } from '../ports.js';
import type { RunRequest, Started, StartRequest } from '../run/start-request.js';
import type { Run } from '../run/run.js';
import { samePayload } from '../task/same-payload.js';
import { supersede } from './slots.js';
import type { SettlingRuns } from './settling-runs.js';
import { makeFold } from '../run/snapshot.js';
import type { TimeLimit } from '../store/time-limit.js';

/** The part of the engine that starts use. */
export interface StartHost {
  readonly options: ResolvedOptions;
  /** @throws TaskError `SHUTDOWN` where the engine is being stopped */
  assertServing(): void;
  /** @throws TaskError `SHUTDOWN`, `AT_CAPACITY` where no task can be started now */
  admit(): void;
  lookUp(ref: TaskRef): Promise<TaskRecord | undefined>;
  run(taskId: string): Run | undefined;
  readonly settling: Pick<SettlingRuns, 'of'>;
  begin(created: { readonly writer: TaskWriter }, request: RunRequest): Run;
}

/** The part of a start that says where it belongs. */
export type Place = Pick<StartRequest, 'slot' | 'onBusy' | 'owner' | 'idempotencyKey' | 'fingerprint'>;

/** The task that answers a start, or the one that it interrupts. Neither where the slot is free. */
export interface SlotState {
  readonly answer?: Started;
  readonly interrupted?: TaskRecord;
}

export class TaskStarter {
  /** The starts that the store has not answered yet. */
  readonly #starting = new Set<Promise<unknown>>();
  /** The request behind each draft, for an answer that comes too late. */
  readonly #asked = new WeakMap<TaskDraft, StartRequest>();

  constructor(
    readonly store: OpenTaskStore,
    readonly limit: TimeLimit,
    readonly host: StartHost,
  ) {}

  /** The number of starts that have neither failed nor become a task yet. */
  get size(): number {
    return this.#starting.size;
  }

  async allAnswered(): Promise<void> {
    await Promise.allSettled([...this.#starting]);
  }

  /** Looks into a slot before anything is read for a start there. @throws TaskError `SHUTDOWN`, `STORE_UNAVAILABLE` */
  async lookIntoSlot({ slot, onBusy, owner, idempotencyKey, fingerprint }: Place): Promise<SlotState> {
    if (slot === undefined) return {};
    this.host.assertServing();
    const record = await this.host.lookUp({ slot, owner });
    if (record === undefined) return {};
    const repeated = idempotencyKey === undefined ? undefined : await this.host.lookUp({ idempotencyKey, owner });
    if (repeated !== undefined) return { answer: { record: samePayload(repeated, fingerprint), created: false } };
    if (onBusy !== 'interrupt') return { answer: { record, created: false, isBusy: onBusy !== 'attach' } };
    return { interrupted: record };
  }

  /**
   * Clears a slot for a start that interrupts, once nothing of its request can be refused any more. The task that runs
   * there is cancelled, and where it runs here, its job is given time to settle, since it keeps its place until then.
   * Returns the task that an equal start has made meanwhile.
   * @throws TaskError `SHUTDOWN`, `STORE_UNAVAILABLE`; `AT_CAPACITY` where it runs elsewhere, and no place is free here
   */
  async clearSlot(place: Place): Promise<Started | undefined> {
    const { answer, interrupted } = await this.lookIntoSlot(place);
    if (interrupted === undefined) return answer;
    const run = this.host.run(interrupted.taskId);
    if (run === undefined) this.host.admit();
    await this.#inTime(supersede(this.store, interrupted));
    if (run !== undefined) await this.#inTime(run.settled).catch(() => undefined); // it may ignore its signal
    return undefined;
  }

  /** @throws TaskError `SHUTDOWN`, `AT_CAPACITY`, `TOO_MANY_TASKS`, `KEY_REUSED`, `STORE_UNAVAILABLE` */
  async start(request: StartRequest): Promise<Started> {
    this.host.admit();
    const starting = this.#start(request);
    this.#starting.add(starting); // it is added before the store answers, so that concurrent starts count
    try {
      return await starting;
    } finally {
      this.#starting.delete(starting);
    }
  }

  async #start(asked: StartRequest): Promise<Started> {
    const request = { ...asked, snapshot: makeFold(asked.snapshot) };
    const draft = draftOf(request, this.host.options);
    this.#asked.set(draft, request);
    return this.#create(draft, request);
  }

  async #create(draft: TaskDraft, request: StartRequest): Promise<Started> {
    // A start on another instance may be faster, and is superseded in turn.
    for (;;) {
      const creation = await this.store.create(draft, this.host.settling.of(draft.owner));
      if (creation.created) return { record: this.host.begin(creation, request).record, created: true };
      const { record, taken } = creation;
      if (taken === 'idempotencyKey') return { record: samePayload(record, request.fingerprint), created: false };
      if (request.onBusy !== 'interrupt') return { record, created: false, isBusy: request.onBusy !== 'attach' };
      await this.#inTime(supersede(this.store, record));
    }
  }

  #inTime<T>(promise: Promise<T>): Promise<T> {
    return this.limit.within(this.host.options.storeTimeoutMs, promise);
  }

  /**
   * Handles a creation whose start has been refused meanwhile. A repeated start finds such a task by its idempotency
   * key, so it runs; without a key nobody could reach it, so it is stopped.
   */
  beginLate(draft: TaskDraft, late: Creation): void {
    const request = this.#asked.get(draft);
    if (!late.created || request === undefined) return;
    const run = this.host.begin(late, request);
    if (draft.idempotencyKey !== undefined) return;
    run.stop('failed', unavailable('The store took too long to create the task'));
  }
}
