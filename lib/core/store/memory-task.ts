/** One task in the memory of this process. */
import type { PublicError } from '../errors.js';
import type { EventLog } from '../log/event-log.js';
import { Account } from '../log/memory.js';
import type { Executor, SnapshotPast, StoreSettings, TaskDraft, TaskRecord } from '../ports.js';
import type { TaskStatus } from '../task/status.js';
import { Audience } from './audience.js';
import { NOBODY } from './nobody.js';

/** The cost of a task beside its texts, so that very many small ones stay inside the budget too. */
const TASK_BYTES = 1_024;

/** Holds the record of a task, which its writer changes, and what belongs to it. */
export class MemoryTask implements TaskRecord {
  readonly taskId: string;
  readonly resumeKey: string;
  readonly owner: string | undefined;
  readonly idempotencyKey: string | undefined;
  readonly fingerprint: string | undefined;
  readonly wire: string | undefined;
  readonly slot: string | undefined;
  readonly handler: string | undefined;
  /** Kept only while it runs, because nobody runs a task again that has ended. */
  input: string | undefined;
  readonly createdAtMs: number;
  status: TaskStatus = 'running';
  attempt = 1;
  updatedAtMs: number;
  endedAtMs: number | undefined;
  progress: string | undefined;
  outcome: string | undefined;
  /** The fencing token of the current holder. */
  token = 1;
  orphaned = false;
  /** The monotonic time from which on it may be forgotten. */
  expiresAt: number | undefined;
  /** The reason of a cancel that has been requested. */
  cancel: PublicError | undefined;
  #executor: Executor = NOBODY;
  /** Accounts for its input, its last progress and its folded state while it runs. */
  readonly #texts: Account;
  /** The folded state of a time in which nobody runs it. */
  #state: string | undefined;
  readonly audience = new Audience();

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
    this.#texts.set(this.input?.length ?? 0);
    this.createdAtMs = this.updatedAtMs = settings.clock.wallNow();
  }

  get subscribers(): number {
    return this.audience.size;
  }

  get epoch(): number {
    return this.token;
  }

  /** The run of the task, or a stand-in that does nothing. */
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

  /** JSON of the state that its run folds, or has folded; undefined where there is none. */
  get state(): string | undefined {
    return this.#executor === NOBODY ? this.#state : this.#executor.snapshotJson();
  }

  /** Lets go of the run, its input and everything that its closures hold. */
  detach(): void {
    this.#state = this.state;
    this.#executor = NOBODY;
  }

  /** The past that the state of the next run goes on from. */
  get past(): SnapshotPast | undefined {
    const { state } = this;
    return state === undefined && this.lastSeq > 0 ? undefined : { state, progress: [] };
  }

  /** Keeps `json` as the last progress, and accounts for it and the folded state. */
  keepProgress(json: string): void {
    this.progress = json;
    this.#texts.set(json.length + (this.input?.length ?? 0) + (this.#executor.snapshotBytes?.() ?? 0));
  }

  /** Ends the task. From here on its size counts as that of a finished one. */
  end(): void {
    this.#texts.set(0);
    this.input = undefined;
    this.detach();
    this.endedAtMs = this.updatedAtMs;
    this.log.end();
  }

  /** The approximate memory that it takes, in bytes. */
  get size(): number {
    const texts = [this.progress, this.outcome, this.state];
    return texts.reduce((sum, text) => sum + (text?.length ?? 0), TASK_BYTES + this.log.capacity);
  }
}
