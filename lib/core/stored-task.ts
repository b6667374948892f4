import type { PublicError } from './errors.js';
import type { EventLog } from './event-log.js';
import { Account } from './memory.js';
import type { Executor, SnapshotPast, StoreSettings, TaskDraft, TaskFeed, TaskRecord } from './ports.js';
import type { TaskStatus } from './status.js';

/** Where a subscriber that is not attached now left off is kept for this many of them per task. */
const MAX_DEPARTED = 1_000;

/** What a task costs beside its texts, so that very many small ones stay inside the budget too. */
const TASK_BYTES = 1_024;

const nothing = (): void => undefined;
const NOBODY: Executor = {
  cancelRequested: nothing,
  audienceChanged: nothing,
  fenced: nothing,
  snapshotJson: () => undefined,
};

/** A task in this process's memory: at once its record, its feed, and the state its writer changes. */
export class StoredTask implements TaskRecord, TaskFeed {
  readonly taskId: string;
  readonly resumeKey: string;
  readonly owner: string | undefined;
  readonly idempotencyKey: string | undefined;
  readonly fingerprint: string | undefined;
  readonly wire: string | undefined;
  readonly slot: string | undefined;
  readonly handler: string | undefined;
  readonly input: string | undefined;
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
  /** Why it is to be cancelled, if it is. */
  cancel: PublicError | undefined;
  #executor: Executor = NOBODY;
  /** Its last progress and its folded state while it runs. */
  readonly #texts: Account;
  /** What was folded before, while or after nobody runs it. */
  #snapshot: string | undefined;
  readonly #attached = new Map<string, number>();
  readonly #departed = new Map<string, number>();

  constructor(
    draft: TaskDraft,
    readonly log: EventLog,
    readonly settings: StoreSettings,
  ) {
    this.taskId = draft.taskId;
    this.resumeKey = draft.resumeKey;
    this.owner = draft.owner;
    this.idempotencyKey = draft.idempotencyKey;
    this.fingerprint = draft.fingerprint;
    this.wire = draft.wire;
    this.slot = draft.slot;
    this.handler = draft.handler;
    this.input = draft.input;
    this.#texts = new Account(log.budget);
    this.createdAtMs = this.updatedAtMs = settings.clock.wallNow();
  }

  get record(): TaskRecord {
    return this;
  }

  get epoch(): number {
    return this.token;
  }

  /** Whoever runs it. */
  get executor(): Executor {
    return this.#executor;
  }

  set executor(executor: Executor) {
    this.#executor = executor;
    const { cancel } = this;
    if (cancel === undefined && this.subscribers === 0) return;
    setImmediate(() => {
      if (this.#executor !== executor) return;
      if (this.subscribers > 0) executor.audienceChanged(this.subscribers);
      if (cancel !== undefined) executor.cancelRequested(cancel);
    });
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
    const json = this.#snapshotJson;
    return json === undefined ? undefined : { seq: this.lastSeq - (this.log.ended ? 1 : 0), json };
  }

  /** Nobody runs it any more: lets go of the run, its input and whatever its closures hold. */
  detach(): void {
    this.#snapshot = this.#snapshotJson;
    this.#executor = NOBODY;
  }

  /** What the state of another run goes on from. */
  get past(): SnapshotPast | undefined {
    const state = this.#snapshotJson;
    return state === undefined && this.lastSeq > 0 ? undefined : { state, progress: [] };
  }

  /** Keeps `json` as the last progress, and counts what it and the folded state take now. */
  keepProgress(json: string): void {
    this.progress = json;
    this.#texts.set(json.length + (this.#executor.snapshotBytes?.() ?? 0));
  }

  /** Ends it. From here on its size counts as that of a finished task. */
  end(): void {
    this.#texts.set(0);
    this.detach();
    this.endedAtMs = this.updatedAtMs;
    this.log.end();
  }

  /** Bytes that it keeps, about. */
  get size(): number {
    const texts = [this.progress, this.outcome, this.#snapshotJson];
    return texts.reduce((sum, text) => sum + (text?.length ?? 0), TASK_BYTES + this.log.capacity);
  }

  join(subscriberId: string | undefined): void {
    if (subscriberId !== undefined) this.#attached.set(subscriberId, (this.#attached.get(subscriberId) ?? 0) + 1);
    this.#executor.audienceChanged(++this.subscribers);
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
    this.#executor.audienceChanged(--this.subscribers);
  }

  departedAt(subscriberId: string): number | undefined {
    return this.#attached.has(subscriberId) ? undefined : this.#departed.get(subscriberId);
  }

  get #snapshotJson(): string | undefined {
    return this.#executor === NOBODY ? this.#snapshot : this.#executor.snapshotJson();
  }
}
