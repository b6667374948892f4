import type { Clock } from './clock.js';
import { TaskError, toPublicError, type ErrorExposure, type PublicError } from './errors.js';
import { checkEventName, toJson } from './payload.js';
import type { Awaitable, Executor, TaskRecord, TaskWriter } from './ports.js';
import type { RunOptions } from './requests.js';
import { Snapshot } from './snapshot.js';
import { isFinal, move, type FinalStatus, type TaskStatus } from './status.js';
import type { AsyncTask, TaskContext, UpdateProgress } from './task.js';

/** After so many events in a row the returned promise waits for a turn of the event loop. */
const EVENTS_PER_TURN = 128;
const DONE = Promise.resolve();

/** What a run needs from its manager. */
export interface RunSettings extends ErrorExposure {
  readonly clock: Clock;
}

/** Whom a run tells what happens to it. */
export interface RunObserver {
  audienceChanged(run: Run, subscribers: number): void;
  /** It runs here no more; without a status it has not ended, and goes on elsewhere. */
  settled(run: Run, status: FinalStatus | undefined): void;
  /** The real error, which clients do not see. */
  failed(run: Run, error: unknown): void;
}

/** One job being executed by this instance: its AbortController, its time-out, its outcome. */
export class Run implements Executor {
  readonly snapshot: Snapshot | undefined;
  readonly #controller = new AbortController();
  #status: TaskStatus = 'running';
  #cancelTimeout: (() => void) | undefined;
  /** Of the event that was appended last: in an attempt of its own the log has no other writer. */
  #seq: number;
  #eventsThisTurn = 0;
  #nextTurn: Promise<void> | undefined;
  subscribers = 0;
  #reported: unknown;
  /** Resolves when the terminal event is committed. */
  readonly ended: Promise<void>;
  #resolveEnded: (() => void) | undefined;

  constructor(
    readonly writer: TaskWriter,
    readonly job: AsyncTask,
    readonly options: RunOptions,
    readonly settings: RunSettings,
    readonly observer: RunObserver,
  ) {
    this.ended = new Promise((resolve) => (this.#resolveEnded = resolve));
    this.#seq = writer.record.lastSeq;
    this.snapshot = options.snapshot && new Snapshot(options.snapshot, this.#report);
  }

  get taskId(): string {
    return this.writer.record.taskId;
  }

  get record(): TaskRecord {
    return this.writer.record;
  }

  /** Starts the job in a later turn of the event loop, so that whoever started it hears of it first. */
  start(): void {
    this.writer.begin(this);
    const { timeoutMs } = this.options;
    this.#cancelTimeout = this.settings.clock.after(timeoutMs, () => {
      this.stop('failed', new TaskError('TASK_TIMEOUT', `The task took longer than ${timeoutMs} ms`));
    });
    setImmediate(() => void this.#execute());
  }

  /** Ends the task from outside and aborts the job's signal with `reason`; false where it has ended already. */
  stop(status: 'failed' | 'cancelled', reason: TaskError): boolean {
    if (isFinal(this.#status)) return false;
    const { code, message } = toPublicError(reason, this.settings);
    const outcome = status === 'failed' ? { error: { code, message } } : { code, reason: message };
    this.#settle(status, members(outcome)).catch(this.#report);
    this.#controller.abort(reason);
    return true;
  }

  /** Stops running the task without ending it, so that another instance may claim it and run it again. */
  release(reason: TaskError): void {
    if (isFinal(this.#status)) return;
    this.#end('cancelled');
    this.#controller.abort(reason);
    void Promise.resolve(this.writer.release()).catch(this.#report).finally(this.#resolveEnded);
  }

  /** A result that cannot be told fails the task. @throws TaskError `TASK_NOT_RUNNING` where it has ended already. */
  async complete(result: unknown): Promise<void> {
    let outcome: string;
    try {
      outcome = result === undefined ? '' : `,"result":${toJson(result, this.settings.maxEventBytes)}`;
    } catch (error) {
      return this.fail(error);
    }
    await this.#settle('completed', outcome);
  }

  /** @throws TaskError `TASK_NOT_RUNNING` where it has ended already. */
  async fail(error: unknown): Promise<void> {
    await this.#settle('failed', members({ error: toPublicError(error, this.settings) }));
    this.#report(error);
  }

  readonly updateProgress: UpdateProgress = (data) => {
    try {
      const json = toJson(data, this.settings.maxEventBytes);
      const committed = this.#append(undefined, json);
      this.snapshot?.add(data, this.#seq);
      return this.#committed(committed);
    } catch (error) {
      return this.#refused(error);
    }
  };

  readonly emit = (event: string, data: unknown): Promise<void> => {
    try {
      checkEventName(event);
      return this.#committed(this.#append(event, toJson(data, this.settings.maxEventBytes)));
    } catch (error) {
      return this.#refused(error);
    }
  };

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
    this.#controller.abort(reason);
  }

  snapshotJson(): string | undefined {
    return this.snapshot?.toJson();
  }

  async #execute(): Promise<void> {
    if (isFinal(this.#status)) return;
    try {
      const result = await this.job(this.#context(), this.taskId, this.updateProgress);
      if (!isFinal(this.#status)) await this.complete(result);
    } catch (error) {
      if (!isFinal(this.#status)) await this.fail(error).catch(this.#report);
      else if (!this.#isEcho(error)) this.#report(error);
    }
  }

  #context(): TaskContext {
    const { taskId, resumeKey, attempt, progress } = this.record;
    const known = { taskId, resumeKey, attempt, signal: this.#controller.signal, input: this.options.input };
    const lastProgress: unknown = progress === undefined ? undefined : JSON.parse(progress);
    const { updateProgress, emit } = this;
    const subscribers = (): number => this.subscribers;
    return {
      ...{ ...known, lastProgress, updateProgress, emit },
      get subscriberCount() {
        return subscribers();
      },
    };
  }

  #append(event: string | undefined, json: string): Awaitable<void> {
    if (isFinal(this.#status)) throw new TaskError('TASK_NOT_RUNNING', `The task is already ${this.#status}`);
    const committed = this.writer.append(event, json);
    this.#seq++;
    return committed;
  }

  /**
   * Where the store commits at once, a job that does nothing but await its progress would never let the event loop
   * turn: nobody would be served, not even its own time-out. So every so often the promise takes a turn.
   */
  #committed(committed: Awaitable<void>): Promise<void> {
    if (committed instanceof Promise)
      return this.#handled(committed.catch((error: unknown) => this.#refused(error, true)));
    if (++this.#eventsThisTurn < EVENTS_PER_TURN) return DONE;
    return (this.#nextTurn ??= new Promise((resolve) => {
      setImmediate(() => {
        this.#eventsThisTurn = 0;
        this.#nextTurn = undefined;
        resolve();
      });
    }));
  }

  /** A refusal rejects, but nobody has to await it; so it is reported too, unless it is just late progress. */
  #refused(error: unknown, wasAppended = false): Promise<void> {
    if (error instanceof TaskError && error.code === 'FENCED') this.fenced(error);
    if (wasAppended) this.snapshot?.giveUp(); // it holds what the log does not
    if (!isLate(error)) this.#report(error);
    return this.#handled(Promise.reject(error));
  }

  /** The same promise, whose rejection nobody has to handle. */
  #handled(promise: Promise<void>): Promise<void> {
    promise.catch(() => undefined);
    return promise;
  }

  /** What a job throws because it was stopped: the reason, an AbortError, or the refusal of its late progress. */
  #isEcho(error: unknown): boolean {
    if (error === this.#controller.signal.reason) return true;
    return isLate(error) || (error as Error | null | undefined)?.name === 'AbortError';
  }

  /** Tells the observer once, although a refusal that the job awaits fails the job as well. */
  readonly #report = (error: unknown): void => {
    if (error !== undefined && error === this.#reported) return;
    this.#reported = error;
    this.observer.failed(this, error);
  };

  async #settle(status: FinalStatus, outcome: string): Promise<void> {
    this.#end(status, status);
    try {
      await this.writer.finish(status, `{"task_id":"${this.taskId}","status":"${status}"${outcome}}`);
    } finally {
      this.#resolveEnded?.();
    }
  }

  #end(status: FinalStatus, outcome?: FinalStatus): void {
    this.#status = move(this.#status, status);
    this.#cancelTimeout?.();
    this.observer.settled(this, outcome);
  }
}

const isLate = (error: unknown): boolean => error instanceof TaskError && error.code === 'TASK_NOT_RUNNING';

/** The members of `object` as JSON text, to follow other members. */
const members = (object: object): string => `,${JSON.stringify(object).slice(1, -1)}`;
