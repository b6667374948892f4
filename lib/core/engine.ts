import { inspect } from 'node:util';
import { v4, v7 } from 'uuid';
import { Deadlines } from './deadlines.js';
import { abandoned, expired, notFound, shutdown, TaskError } from './errors.js';
import { MemoryStore } from './memory-store.js';
import type { ResolvedOptions } from './engine-options.js';
import type {
  Awaitable,
  Creation,
  StoreSettings,
  TaskFeed,
  TaskFilter,
  TaskRecord,
  TaskRef,
  TaskStore,
  TaskWriter,
} from './ports.js';
import type { Resume, RunRequest, Started, StartRequest } from './requests.js';
import { Run, type RunObserver } from './run.js';
import type { FinalStatus } from './status.js';
import type { Start } from './subscription.js';
import { Sweeper } from './sweeper.js';
import { toTaskInfo } from './task.js';
import { TimeLimit } from './time-limit.js';

/** The tasks of one manager: what runs here, what is due, and the store that keeps them all. */
export class Engine implements RunObserver {
  readonly counts = { started: 0, completed: 0, failed: 0, cancelled: 0 };
  readonly #store: TaskStore;
  readonly #runs = new Map<string, Run>();
  /** Runs that nobody is attached to. */
  readonly #idle = new Deadlines<Run>();
  readonly #sweeper: Sweeper;
  readonly #limit: TimeLimit;
  #stopping = false;

  constructor(
    readonly options: ResolvedOptions,
    store: TaskStore | undefined,
    encode: StoreSettings['encode'],
  ) {
    const { clock, ttlMs, maxBufferedBytes, maxTasksPerOwner, maxEventsPerTask, maxBytesPerTask } = options;
    const { storeTimeoutMs: timeoutMs, onLost } = options;
    this.#store = store ?? new MemoryStore();
    const log = { maxEvents: maxEventsPerTask, maxBytes: maxBytesPerTask };
    this.#store.start({ clock, ttlMs, maxBufferedBytes, maxTasksPerOwner, timeoutMs, onLost, log, encode });
    this.#limit = new TimeLimit(clock, timeoutMs);
    this.#sweeper = new Sweeper(clock, options.sweepIntervalMs, () => this.#sweep());
  }

  get store(): Pick<TaskStore, 'shared' | 'sizes'> {
    return this.#store;
  }

  get running(): number {
    return this.#runs.size;
  }

  /** @throws TaskError `SHUTDOWN`, `AT_CAPACITY` where no task can be started now */
  admit(): void {
    if (this.#stopping) throw shutdown();
    if (this.#runs.size < this.options.maxRunningTasks) return;
    throw new TaskError('AT_CAPACITY', 'Too many tasks are running');
  }

  /** @throws TaskError `SHUTDOWN`, `AT_CAPACITY`, `TOO_MANY_TASKS`, `KEY_REUSED`, `STORE_UNAVAILABLE` */
  async start({ job, owner, idempotencyKey, fingerprint, ...options }: StartRequest): Promise<Started> {
    this.admit();
    const taskId = v7();
    const resumeKey = Buffer.from(v4({}, new Uint8Array(16))).toString('base64url');
    const run = new Run(taskId, job, options, this.options, this);
    const snapshot = run.snapshot && (() => run.snapshot?.toJson());
    this.#runs.set(taskId, run); // before the store is asked, so that concurrent starts count
    let creating: Awaitable<Creation> | undefined;
    try {
      const draft = { taskId, resumeKey, owner, idempotencyKey, fingerprint, snapshot };
      creating = this.#store.create(draft, run);
      const creation = await this.#limit.keep(creating);
      if (creation.created) {
        this.#begin(run, creation.writer);
        return { record: creation.writer.record, created: true };
      }
      this.#drop(run);
      return { record: samePayload(creation.record, fingerprint), created: false };
    } catch (error) {
      this.#drop(run);
      if (creating instanceof Promise)
        creating.then((late) => this.#beginLate(run, late, idempotencyKey)).catch(() => undefined);
      throw error;
    }
  }

  /** Runs a task again whose instance died, where `onLost` says so and the store agrees; `request` brings its code. */
  async restart(record: TaskRecord, request: () => Promise<RunRequest>): Promise<void> {
    const { taskId, orphaned } = record;
    if (this.options.onLost !== 'restart' || !orphaned) return;
    if (this.#stopping || this.#runs.has(taskId) || this.#runs.size >= this.options.maxRunningTasks) return;
    const { job, ...options } = await request();
    const run = new Run(taskId, job, options, this.options, this);
    const claiming = Promise.resolve(this.#store.claim(taskId, run, run.snapshot));
    try {
      const writer = await this.#limit.within(this.options.storeTimeoutMs, claiming);
      if (writer !== undefined && !(this.#stopping as boolean)) this.#begin(run, writer);
    } finally {
      // Nobody waits for it any more: others may have it.
      if (!this.#runs.has(taskId)) claiming.then((late) => late?.release()).catch(() => undefined);
    }
  }

  /** @throws TaskError `TASK_NOT_FOUND`, `TASK_EXPIRED`, `STORE_UNAVAILABLE` */
  async find(ref: TaskRef): Promise<TaskRecord> {
    const found = await this.#limit.keep(this.#store.find(ref));
    if (found === undefined) throw notFound();
    if (found.status === 'expired') throw expired();
    return found;
  }

  /** The same for a caller who may see nothing of other owners' tasks: those do not exist for them. */
  async findOwned(ref: TaskRef, owner: string | undefined): Promise<TaskRecord> {
    const found = await this.#limit.keep(this.#store.find(ref));
    if (found === undefined || found.owner !== owner) throw notFound();
    if (found.status === 'expired') throw expired();
    return found;
  }

  /** The task that an earlier request with the same key has started. @throws TaskError `KEY_REUSED` */
  async findRepeated(
    idempotencyKey: string,
    owner: string | undefined,
    fingerprint: string | undefined,
  ): Promise<TaskRecord | undefined> {
    const found = await this.#limit.keep(this.#store.find({ idempotencyKey, owner }));
    return found === undefined || found.status === 'expired' ? undefined : samePayload(found, fingerprint);
  }

  /** The four rules: the given cursor; else where this subscriber left off; else the oldest event that is kept. */
  async startOf({ taskId }: TaskRecord, { cursor, subscriberId, snapshot }: Resume): Promise<Start> {
    if (cursor !== undefined) return { position: cursor, snapshot };
    const departed =
      subscriberId === undefined ? undefined : await this.#limit.keep(this.#store.departedAt(taskId, subscriberId));
    return { position: departed ?? 0, snapshot };
  }

  async open(taskId: string): Promise<TaskFeed> {
    const feed = await this.#limit.keep(this.#store.open(taskId));
    if (feed === undefined) throw expired();
    return feed;
  }

  async list(filter: TaskFilter): Promise<readonly TaskRecord[]> {
    return this.#limit.keep(this.#store.list(filter));
  }

  /** False: it had ended before. */
  async cancel(taskId: string, message: string): Promise<boolean> {
    await this.find({ taskId });
    return this.#limit.keep(this.#store.requestCancel(taskId, { code: 'TASK_CANCELLED', message }));
  }

  /** The run of a task that this instance executes. @throws TaskError `TASK_NOT_RUNNING` and as `find` */
  async run(taskId: string): Promise<Run> {
    const run = this.#runs.get(taskId);
    if (run !== undefined) return run;
    const { status } = await this.find({ taskId });
    throw new TaskError(
      'TASK_NOT_RUNNING',
      status === 'running' ? 'Another instance runs it' : `It is already ${status}`,
    );
  }

  /** Takes no new work, gives what runs `graceMs`, then cancels it. Resolves when every task here has ended. */
  async stop(graceMs: number): Promise<void> {
    this.#stopping = true;
    const ended = Promise.all([...this.#runs.values()].map((run) => run.ended));
    if (graceMs > 0 && this.#runs.size > 0) await this.#limit.within(graceMs, ended).catch(() => undefined);
    const handOver = this.#store.shared && this.options.onLost === 'restart';
    const end = handOver ? (run: Run) => run.release(shutdown()) : (run: Run) => run.stop('cancelled', shutdown());
    [...this.#runs.values()].forEach(end);
    await this.#limit.within(this.options.storeTimeoutMs, ended).catch(() => undefined);
    this.#sweeper.stop();
    await this.#store.stop?.();
  }

  audienceChanged(run: Run, subscribers: number): void {
    if (subscribers > 0) this.#idle.delete(run, this.#idleMs(run));
    else if (run.options.abandonAfterMs === 0) run.stop('cancelled', abandoned());
    else this.#idle.add(run, this.#idleMs(run), this.options.clock.now());
  }

  settled(run: Run, status: FinalStatus | undefined): void {
    this.#runs.delete(run.taskId);
    this.#idle.delete(run, this.#idleMs(run));
    if (status !== undefined) this.counts[status]++;
  }

  failed(run: Run, error: unknown): void {
    const hook: (...args: Parameters<typeof this.options.onTaskError>) => unknown = this.options.onTaskError;
    const tell = async (): Promise<void> => {
      await hook(error, toTaskInfo(run.record)); // it may be an async function
    };
    tell().catch((failure: unknown) => {
      process.emitWarning(inspect(failure), { type: 'TaskErrorWarning', detail: 'in onTaskError' });
    });
  }

  #begin(run: Run, writer: TaskWriter): void {
    this.counts.started++;
    this.#runs.set(run.taskId, run);
    this.#sweeper.start();
    run.start(this.#limit.writer(writer));
    if (this.#stopping) run.stop('cancelled', shutdown()); // the store has answered after the stop
    // A shared store may have told of subscribers, or of the end, before it answered.
    if (run.subscribers > 0 || !this.#runs.has(run.taskId)) return;
    this.#idle.add(run, this.#idleMs(run), this.options.clock.now());
  }

  #drop(run: Run): void {
    this.#runs.delete(run.taskId);
    run.drop();
  }

  /**
   * The store has created the task after its start was refused. Who repeats the start with an idempotency key finds it,
   * so it runs; any other could be reached by nobody.
   */
  #beginLate(run: Run, late: Creation, idempotencyKey: string | undefined): void {
    if (!late.created) return;
    this.#begin(run, late.writer);
    if (idempotencyKey === undefined) run.stop('failed', new TaskError('STORE_UNAVAILABLE', 'The store took too long'));
  }

  /** A task that may not be alone for a moment still has to be reached by its first subscriber. */
  #idleMs({ options: { abandonAfterMs } }: Run): number {
    return abandonAfterMs === 0 ? this.options.sweepIntervalMs : abandonAfterMs;
  }

  async #sweep(): Promise<boolean> {
    for (const run of this.#idle.take(this.options.clock.now())) run.stop('cancelled', abandoned());
    return (await this.#limit.keep(this.#store.sweep())) || this.#runs.size > 0;
  }
}

function samePayload(record: TaskRecord, fingerprint: string | undefined): TaskRecord {
  if (record.fingerprint === fingerprint) return record;
  throw new TaskError('KEY_REUSED', 'The idempotency key was used with another payload');
}
