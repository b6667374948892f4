/** A job that this instance executes: its AbortController, its time-out and its outcome. */
import { AsyncResource } from 'node:async_hooks';
import type { Clock } from '../clock.js';
import { TaskError, toPublicError, type ErrorExposure, type PublicError } from '../errors.js';
import { guardSignal } from './guarded-signal.js';
import { optional } from '../optional-promise.js';
import { toJson } from '../task/payload.js';
import type { Awaitable, Executor, TaskRecord, TaskWriter } from '../ports.js';
import { Progress, type ProgressTarget } from './progress.js';
import type { RunOptions } from './start-request.js';
import { Snapshot } from './snapshot.js';
import { isFinal, move, type FinalStatus, type TaskStatus } from '../task/status.js';
import { pullAll, valuesOf } from './streaming-job.js';
import type { AsyncTask, TaskContext, UpdateProgress } from '../task/task.js';
import { contextOf } from './task-context.js';
import { readProperty } from '../thrown.js';
import type { EventLoopYielder } from './event-loop-yielder.js';

/** The part of the manager's settings that a run needs. */
export interface RunSettings extends ErrorExposure {
  readonly clock: Clock;
  readonly yielder: EventLoopYielder;
}

/** Receives the lifecycle events of a run. */
export interface RunObserver {
  audienceChanged(run: Run, subscribers: number): void;
  /** The task has ended, or with no status goes on elsewhere. The job may still work for a while. */
  ended(run: Run, status: FinalStatus | undefined): void;
  /** Tells that the job's promise has settled, so that nothing of it runs any more. */
  settled(run: Run): void;
  /** Receives the real error, which clients do not see. */
  failed(run: Run, error: unknown): void;
}

/** Executes one job. Everything that it calls runs in the AsyncLocalStorage context of the start. */
export class Run extends AsyncResource implements Executor, ProgressTarget {
  readonly snapshot: Snapshot | undefined;
  readonly #controller = new AbortController();
  readonly updateProgress: UpdateProgress;
  readonly emit: TaskContext['emit'];
  #status: TaskStatus = 'running';
  /** True once the job's promise has settled. */
  isSettled = false;
  #cancelTimeout: (() => void) | undefined;
  /** The seq of the event that was appended last. Within an attempt the log has no other writer. */
  seq: number;
  subscribers = 0;
  #reported: unknown;
  #resolveEnded: (() => void) | undefined;
  #resolveSettled: (() => void) | undefined;
  /** Resolves when the terminal event is committed. */
  readonly ended = new Promise<void>((resolve) => (this.#resolveEnded = resolve));
  /** Resolves when the job's promise has settled. */
  readonly settled = new Promise<void>((resolve) => (this.#resolveSettled = resolve));

  constructor(
    readonly writer: TaskWriter,
    readonly job: AsyncTask,
    readonly options: RunOptions,
    readonly settings: RunSettings,
    readonly observer: RunObserver,
  ) {
    super('resumable-sse.task', { requireManualDestroy: true });
    this.seq = writer.record.lastSeq;
    this.snapshot = options.snapshot && new Snapshot(options.snapshot, this.#report);
    const progress = new Progress(this);
    this.updateProgress = progress.update;
    this.emit = progress.emit;
    guardSignal(this.#controller.signal, (error) => {
      if (!this.#isCausedByStop(error)) this.#report(error);
    });
  }

  get taskId(): string {
    return this.writer.record.taskId;
  }

  get record(): TaskRecord {
    return this.writer.record;
  }

  /** Starts the job in a later turn of the event loop, so that its caller can attach first. */
  start(): void {
    this.writer.begin(this);
    const { timeoutMs } = this.options;
    this.#cancelTimeout = this.settings.clock.after(timeoutMs, () => {
      this.stop('failed', new TaskError('TASK_TIMEOUT', `The task took longer than ${timeoutMs} ms`));
    });
    this.runInAsyncScope(setImmediate, undefined, () => void this.#execute());
  }

  /** Ends the task from outside and aborts the signal with `reason`. Returns false where it had already ended. */
  stop(status: 'failed' | 'cancelled', reason: TaskError): boolean {
    if (isFinal(this.#status)) return false;
    const { code, message } = toPublicError(reason, this.settings);
    const outcome = status === 'failed' ? { error: { code, message } } : { code, reason: message };
    this.#finish(status, members(outcome)).catch(this.#report);
    this.#abort(reason);
    return true;
  }

  /** Stops running the task without ending it, so that another instance may claim it and run it again. */
  release(reason: TaskError): void {
    if (isFinal(this.#status)) return;
    this.#end('cancelled');
    this.#abort(reason);
    const handBack = async (): Promise<void> => this.writer.release(); // a store may throw as well as reject
    void handBack().catch(this.#report).finally(this.#resolveEnded);
  }

  /**
   * Ends the task with `result`, which is read at the call. A result that JSON cannot express fails the task. Awaiting
   * is optional.
   * @throws TaskError `TASK_NOT_RUNNING` where it has ended already
   */
  complete(result: unknown): Promise<void> {
    let outcome: string;
    try {
      outcome = result === undefined ? '' : `,"result":${toJson(result, this.settings.maxEventBytes)}`;
    } catch (error) {
      return this.fail(error);
    }
    return optional(this.#finish('completed', outcome));
  }

  /**
   * Ends the task with `error`. Awaiting is optional.
   * @throws TaskError `TASK_NOT_RUNNING` where it has ended already
   */
  fail(error: unknown): Promise<void> {
    const hadEnded = isFinal(this.#status);
    const failed = this.#finish('failed', members({ error: toPublicError(error, this.settings) }));
    // It is the error of the job even where the store does not take the end: nobody else tells of it.
    return optional(
      failed.finally(() => {
        if (!hadEnded) this.#report(error);
      }),
    );
  }

  cancelRequested({ code, message }: PublicError): void {
    this.stop('cancelled', new TaskError(code as TaskError['code'], message));
  }

  audienceChanged(subscribers: number): void {
    this.subscribers = subscribers;
    if (!isFinal(this.#status)) this.observer.audienceChanged(this, subscribers);
  }

  fenced(reason: TaskError): void {
    if (isFinal(this.#status)) return;
    this.#end('failed', 'failed');
    this.#resolveEnded?.();
    this.#abort(reason);
  }

  snapshotJson(): string | undefined {
    return this.snapshot?.toJson();
  }

  snapshotBytes(): number {
    return this.snapshot?.bytes ?? 0;
  }

  get updatedAtMs(): number {
    return this.record.updatedAtMs;
  }

  append(event: string | undefined, json: string): Awaitable<void> {
    if (isFinal(this.#status)) throw new TaskError('TASK_NOT_RUNNING', `The task is already ${this.#status}`);
    const committed = this.writer.append(event, json);
    this.seq++;
    return committed;
  }

  /** Reports a refused event, because nobody has to await it. Only progress that comes too late is not reported. */
  refused(error: unknown, wasAppended: boolean): void {
    if (error instanceof TaskError && error.code === 'FENCED') this.fenced(error);
    if (wasAppended) this.snapshot?.giveUp(); // the state contains an event that the log does not have
    if (!isLate(error)) this.#report(error);
  }

  async #execute(): Promise<void> {
    try {
      if (isFinal(this.#status)) return;
      const result = await this.#result();
      this.isSettled = true;
      if (!isFinal(this.#status)) await this.complete(result);
    } catch (error) {
      this.isSettled = true;
      if (!isFinal(this.#status)) await this.fail(error).catch(this.#report);
      else if (!this.#isCausedByStop(error)) this.#report(error);
    } finally {
      this.observer.settled(this);
      this.#resolveSettled?.();
    }
  }

  async #result(): Promise<unknown> {
    const output: unknown = await this.job(contextOf(this, this.#controller.signal), this.taskId, this.updateProgress);
    const values = valuesOf(output);
    return values === undefined ? output : pullAll(values, this.#controller.signal, this.updateProgress);
  }

  /** Tells whether the job threw `error` because it was stopped: the reason, an AbortError, or refused late progress. */
  #isCausedByStop(error: unknown): boolean {
    if (error === this.#controller.signal.reason) return true;
    return isLate(error) || readProperty(error, 'name') === 'AbortError';
  }

  /** Tells the observer once, because a refusal that the job awaits fails the job with the same error. */
  readonly #report = (error: unknown): void => {
    if (error !== undefined && error === this.#reported) return;
    this.#reported = error;
    this.runInAsyncScope(() => {
      this.observer.failed(this, error);
    });
  };

  #abort(reason: TaskError): void {
    this.runInAsyncScope(() => {
      this.#controller.abort(reason);
    });
  }

  async #finish(status: FinalStatus, outcome: string): Promise<void> {
    this.#end(status, status);
    try {
      const data = `{"task_id":"${this.taskId}","status":"${status}"${outcome}}`;
      await this.writer.finish(status, data);
    } finally {
      this.#resolveEnded?.();
    }
  }

  #end(status: FinalStatus, outcome?: FinalStatus): void {
    this.#status = move(this.#status, status);
    this.#cancelTimeout?.();
    this.observer.ended(this, outcome);
  }
}

const isLate = (error: unknown): boolean => error instanceof TaskError && error.code === 'TASK_NOT_RUNNING';

/** Returns the members of `object` as JSON text that follows other members. */
const members = (object: object): string => `,${JSON.stringify(object).slice(1, -1)}`;
