/** The engine starts, finds, cancels, restarts and stops the tasks of one manager. */
import { notifyCallback } from '../callbacks.js';
import { notRunning, shutdown, TaskError } from '../errors.js';
import { createAttachment, type Attachment } from './attachment.js';
import { keptRecord, ownedRecord, requireRecord } from './task-access.js';
import { Memory, type MemoryBudget } from '../log/memory.js';
import { MemoryStore } from '../store/memory-store.js';
import type { ResolvedOptions } from './engine-options.js';
import { HandlerRegistry } from './handler-registry.js';
import { IdleRuns } from './idle-runs.js';
import { releaseTakeover, Restarts } from './restarts.js';
import type { OpenTaskStore, StoreSettings, Takeover, TaskRecord, TaskRef, TaskStore } from '../ports.js';
import type { Resume, RunRequest, Started, StartRequest, TaskHandler } from '../run/start-request.js';
import { Run, type RunObserver } from '../run/run.js';
import { samePayload } from '../task/same-payload.js';
import { TaskStarter } from './task-starter.js';
import { SettlingRuns } from './settling-runs.js';
import type { FinalStatus } from '../task/status.js';
import { storeSettingsOf } from './store-settings.js';
import { Sweeper } from './sweeper.js';
import { toTaskInfo } from '../task/task.js';
import { TimeLimit, withTimeLimit } from '../store/time-limit.js';
import { EventLoopYielder } from '../run/event-loop-yielder.js';

/** The framings of tasks, as far as the engine depends on them. */
export interface EngineWires {
  readonly encode: StoreSettings['encode'];
  /** Tells whether the wire with this name folds all events into one state. @throws TaskError `UNKNOWN_WIRE` */
  folds(wire: string | undefined): boolean;
}

/** Runs the tasks of one manager on this instance, and looks after the store that keeps them all. */
export class Engine implements RunObserver {
  readonly counts = { started: 0, completed: 0, failed: 0, cancelled: 0 };
  readonly #store: OpenTaskStore;
  readonly #runs = new Map<string, Run>();
  readonly starter: TaskStarter;
  readonly #ending = new Set<Promise<void>>();
  /** Runs whose tasks have ended while their jobs still work. */
  readonly settling = new SettlingRuns();
  readonly yielder: EventLoopYielder;
  readonly handlers: HandlerRegistry;
  readonly #idle: IdleRuns;
  readonly #restarts: Restarts;
  readonly #sweeper: Sweeper;
  readonly #limit: TimeLimit;
  /** Accounts for answers that are being sent, together with what the store keeps here. */
  readonly memory: MemoryBudget;
  isStopping = false;

  constructor(
    readonly options: ResolvedOptions,
    store: TaskStore | undefined,
    readonly wires: EngineWires,
  ) {
    const { clock, storeTimeoutMs, sweepIntervalMs } = options;
    this.yielder = new EventLoopYielder(clock);
    this.handlers = new HandlerRegistry(this);
    this.#idle = new IdleRuns(clock, sweepIntervalMs);
    const settings = storeSettingsOf(options, wires.encode, this.handlers);
    this.#limit = new TimeLimit(clock, storeTimeoutMs);
    this.#store = withTimeLimit(store === undefined ? new MemoryStore(settings) : store(settings), this.#limit, {
      created: (draft, creation) => {
        this.starter.beginLate(draft, creation);
      },
      claimed: (takeover) => void releaseTakeover(takeover),
    });
    this.memory = this.#store.memory ?? new Memory(options.maxBufferedBytes, () => false);
    this.starter = new TaskStarter(this.#store, this.#limit, this);
    this.#restarts = new Restarts(this.#store, this);
    this.#sweeper = new Sweeper(clock, sweepIntervalMs, () => this.#sweep());
    // An instance that never runs a task itself still inherits those of others, and has to see to them.
    if (this.#store.shared) this.#sweeper.start();
  }

  get store(): Pick<OpenTaskStore, 'shared' | 'sizes' | 'list'> {
    return this.#store;
  }

  get running(): number {
    return this.#runs.size;
  }

  /** Returns how many more tasks may run here now. A job counts until its promise has settled. */
  get room(): number {
    if (this.isStopping) return 0;
    const { size } = this.settling;
    return this.options.maxRunningTasks - this.#runs.size - size - this.starter.size - this.#restarts.size;
  }

  assertServing(): void {
    if (this.isStopping) throw shutdown();
  }

  /** @param taken places that starts have before they come here, less those that will be given up for this one */
  admit(taken = 0): void {
    this.assertServing();
    if (this.room <= taken)
      throw new TaskError('AT_CAPACITY', 'Too many tasks are running: maxRunningTasks is reached, try again later');
  }

  /** Starts a task: see `TaskStarter.start`. */
  start(request: StartRequest): Promise<Started> {
    return this.starter.start(request);
  }

  /** Runs a lost task again: see `Restarts.restart`. */
  restart(record: TaskRecord, handler: TaskHandler): Promise<void> {
    return this.#restarts.restart(record, handler);
  }

  /** @throws TaskError `TASK_NOT_FOUND`, `TASK_EXPIRED`, `STORE_UNAVAILABLE` */
  async find(ref: TaskRef, texts = false): Promise<TaskRecord> {
    return requireRecord(await this.#store.find(ref, texts));
  }

  /** Finds a task like `find`, but returns undefined for one that never existed or is no longer kept. */
  async lookUp(ref: TaskRef, texts = false): Promise<TaskRecord | undefined> {
    return keptRecord(await this.#store.find(ref, texts));
  }

  /** Finds a task like `find`, for a caller to whom the tasks of other owners do not exist. */
  async findOwned(ref: TaskRef, owner: string | undefined, texts = false): Promise<TaskRecord> {
    return ownedRecord(await this.#store.find(ref, texts), owner);
  }

  /** Returns the task that an earlier request with the same key has started. @throws TaskError `KEY_REUSED` */
  async findRepeated(
    idempotencyKey: string,
    owner: string | undefined,
    fingerprint: string | undefined,
  ): Promise<TaskRecord | undefined> {
    const found = await this.lookUp({ idempotencyKey, owner });
    return found && samePayload(found, fingerprint);
  }

  /**
   * Attaches a subscriber to a task of `owner`. Where the task is lost and `handler` is its own, it runs again first.
   * @throws TaskError as `findOwned`
   */
  async attach(
    ref: TaskRef,
    owner: string | undefined,
    resume: Resume,
    handler: TaskHandler | undefined,
  ): Promise<Attachment> {
    return this.attachTo({ record: await this.findOwned(ref, owner), created: false }, resume, handler);
  }

  /** Attaches a subscriber to a task that the caller has just started or found, as `attach` does. */
  async attachTo(started: Started, resume: Resume, handler?: TaskHandler): Promise<Attachment> {
    if (handler !== undefined) await this.restart(started.record, handler);
    return createAttachment(this.#store, started, resume, this.wires.folds(started.record.wire));
  }

  /** Cancels a task. Returns false where it had already ended. */
  async cancel(taskId: string, message: string): Promise<boolean> {
    await this.find({ taskId });
    return this.#store.requestCancel(taskId, { code: 'TASK_CANCELLED', message });
  }

  /** Returns the run of a task that this instance executes, or undefined where it runs elsewhere or not at all. */
  run(taskId: string): Run | undefined {
    return this.#runs.get(taskId);
  }

  /**
   * Refuses a call that only the instance which runs the task can serve. It takes a turn of the event loop now and
   * then, so that a loop of refused calls starves nobody.
   * @throws TaskError `TASK_NOT_RUNNING` and as `find`
   */
  async refuse(taskId: string): Promise<never> {
    await this.yielder.next();
    const { status } = await this.find({ taskId });
    throw notRunning(status);
  }

  /** Takes no new work, gives running tasks `graceMs`, then cancels them. Resolves when every task here has ended. */
  async stop(graceMs: number): Promise<void> {
    this.isStopping = true;
    if (graceMs > 0) await this.#limit.within(graceMs, this.#allSettled()).catch(() => undefined);
    const handOver = this.#store.shared && this.options.onLost === 'restart';
    for (const run of [...this.#runs.values()]) {
      if (handOver && run.record.handler !== undefined) run.release(shutdown());
      else run.stop('cancelled', shutdown());
    }
    await this.#limit.within(this.options.storeTimeoutMs, this.#allEnded()).catch(() => undefined);
    this.#sweeper.stop();
    await this.#store.stop?.();
  }

  audienceChanged(run: Run, subscribers: number): void {
    this.#idle.audienceChanged(run, subscribers);
  }

  ended(run: Run, status: FinalStatus | undefined): void {
    this.#runs.delete(run.taskId);
    this.settling.add(run);
    this.#idle.delete(run);
    if (status !== undefined) this.counts[status]++;
  }

  settled(run: Run): void {
    this.settling.delete(run);
  }

  failed(run: Run, error: unknown): void {
    notifyCallback('onTaskError', this.options.onTaskError, error, toTaskInfo(run.record));
  }

  /** Runs a task that has just been created or taken over. */
  begin({ writer, past }: Pick<Takeover, 'writer'> & Partial<Takeover>, request: RunRequest): Run {
    const { job, ...options } = request;
    const run = new Run(writer, job, options, { ...this.options, yielder: this.yielder }, this);
    if (writer.record.attempt > 1) run.snapshot?.resume(past, writer.record.lastSeq);
    this.counts.started++;
    this.#runs.set(run.taskId, run);
    this.#ending.add(run.ended);
    void run.ended.then(() => this.#ending.delete(run.ended));
    this.#sweeper.start();
    run.start();
    this.#idle.begun(run);
    if (this.isStopping) run.stop('cancelled', shutdown()); // the store answered only after the stop
    return run;
  }

  /** Resolves when every run has ended and every job's promise has settled. */
  async #allSettled(): Promise<void> {
    const jobs = [...this.#runs.values(), ...this.settling.values()].map(({ settled }) => settled);
    await Promise.all([this.#allEnded(), ...jobs]);
  }

  /** Resolves when nothing is being started and the end of every run here is committed. */
  async #allEnded(): Promise<void> {
    while (this.starter.size + this.#ending.size > 0) {
      await Promise.allSettled([this.starter.allAnswered(), ...this.#ending]);
    }
  }

  async #sweep(): Promise<boolean> {
    this.#idle.sweep();
    return (await this.#store.sweep()) || this.#runs.size > 0 || this.#store.shared;
  }
}
