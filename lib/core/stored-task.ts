import type { EventLog } from './event-log.js';
import type { Executor, SnapshotFold, StoreSettings, TaskDraft, TaskFeed, TaskRecord } from './ports.js';
import type { TaskStatus } from './status.js';

/** Where a subscriber that is not attached now left off is kept for this many of them per task. */
const MAX_DEPARTED = 1_000;

/** What a task costs beside its texts, so that very many small ones stay inside the budget too. */
const TASK_BYTES = 1_024;

const nothing = (): void => undefined;
const NOBODY: Executor = { cancelRequested: nothing, audienceChanged: nothing, fenced: nothing };

/** A task in this process's memory: at once its record, its feed, and the state its writer changes. */
export class StoredTask implements TaskRecord, TaskFeed {
  readonly taskId: string;
  readonly resumeKey: string;
  readonly owner: string | undefined;
  readonly idempotencyKey: string | undefined;
  readonly fingerprint: string | undefined;
  readonly wire: string | undefined;
  readonly slot: string | undefined;
  readonly createdAtMs: number;
  status: TaskStatus = 'running';
  attempt = 1;
  updatedAtMs: number;
  endedAtMs: number | undefined;
  progress: string | undefined;
  outcome: string | undefined;
  subscribers = 0;
  /** The fencing token of whoever may write. */
  token = 1;
  orphaned = false;
  /** When it may be forgotten, by the monotonic clock. */
  expiresAt: number | undefined;
  #snapshot: (() => string | undefined) | undefined;
  readonly #attached = new Map<string, number>();
  readonly #departed = new Map<string, number>();

  constructor(
    draft: TaskDraft,
    readonly log: EventLog,
    readonly settings: StoreSettings,
    public executor: Executor,
  ) {
    this.taskId = draft.taskId;
    this.resumeKey = draft.resumeKey;
    this.owner = draft.owner;
    this.idempotencyKey = draft.idempotencyKey;
    this.fingerprint = draft.fingerprint;
    this.wire = draft.wire;
    this.slot = draft.slot;
    this.#snapshot = draft.snapshot;
    this.createdAtMs = this.updatedAtMs = settings.clock.wallNow();
  }

  get record(): TaskRecord {
    return this;
  }

  get expiresAtMs(): number | undefined {
    const { clock } = this.settings;
    return this.expiresAt === undefined ? undefined : clock.wallNow() + this.expiresAt - clock.now();
  }

  get lastSeq(): number {
    return this.log.lastSeq;
  }

  get firstKeptSeq(): number {
    return this.log.firstSeq;
  }

  get bufferedEvents(): number {
    return this.log.events;
  }

  get bufferedBytes(): number {
    return this.log.wireBytes;
  }

  snapshot(): { seq: number; json: string } | undefined {
    const json = this.#snapshot?.();
    return json === undefined ? undefined : { seq: this.lastSeq - (this.log.ended ? 1 : 0), json };
  }

  /** Another run folds the state from here on; where it does not, there is none. */
  fold(snapshot: SnapshotFold | undefined): void {
    const state = this.#snapshot?.();
    snapshot?.resume(state === undefined && this.lastSeq > 0 ? undefined : { state, progress: [] });
    this.#snapshot = snapshot && (() => snapshot.toJson());
  }

  /** Nothing is executed any more: lets go of the run, its input and whatever its closures hold. */
  end(): void {
    const json = this.#snapshot?.();
    this.#snapshot = () => json;
    this.executor = NOBODY;
    this.endedAtMs = this.updatedAtMs;
    this.log.end();
  }

  /** Bytes that it keeps, about. */
  get size(): number {
    const texts = [this.progress, this.outcome, this.#snapshot?.()];
    return texts.reduce((sum, text) => sum + (text?.length ?? 0), TASK_BYTES + this.log.capacity);
  }

  join(subscriberId: string | undefined): void {
    if (subscriberId !== undefined) this.#attached.set(subscriberId, (this.#attached.get(subscriberId) ?? 0) + 1);
    this.executor.audienceChanged(++this.subscribers);
  }

  leave(subscriberId: string | undefined, position: number): void {
    if (subscriberId !== undefined) {
      const others = (this.#attached.get(subscriberId) ?? 1) - 1;
      if (others > 0) this.#attached.set(subscriberId, others);
      else this.#attached.delete(subscriberId);
      this.#departed.delete(subscriberId);
      this.#departed.set(subscriberId, position);
      const [oldest] = this.#departed.keys();
      if (this.#departed.size > MAX_DEPARTED && oldest !== undefined) this.#departed.delete(oldest);
    }
    this.executor.audienceChanged(--this.subscribers);
  }

  departedAt(subscriberId: string): number | undefined {
    return this.#attached.has(subscriberId) ? undefined : this.#departed.get(subscriberId);
  }
}
