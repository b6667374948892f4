import type { AsyncTask, TaskContext, TaskStatus } from '../../lib/index.js';

/** One event as the log must have it; its seq is its place. */
export interface LoggedEvent {
  readonly event: string | undefined;
  readonly json: string;
}

/** What the model knows of one task, and the strings by which its job hangs. */
export class TaskModel {
  taskId = '';
  resumeKey = '';
  readonly events: LoggedEvent[] = [];
  status: TaskStatus = 'running';
  /** The code that its signal must be aborted with, if at all. */
  abortCode: string | undefined;
  /** The oldest event that was kept when last looked. */
  firstKept = 1;
  endedAt: number | undefined;
  /** Between these two it was forgotten. */
  gone: { readonly after: number; readonly by: number } | undefined;
  /** When it was last seen to be kept. */
  seenAt = 0;
  /** Since when nobody is attached. */
  idleSince: number | undefined;
  hadSubscribers = false;
  /** How often its job ran. */
  executions = 0;
  context: TaskContext | undefined;
  resolve: ((result: unknown) => void) | undefined;
  reject: ((error: unknown) => void) | undefined;
  progress: string | undefined;
  /** Attached connections and iterators by subscriber id. */
  readonly attached = new Map<string, number>();
  readonly departed = new Map<string, number>();
  subscribers = 0;
  readonly #wireEnds = [0];

  #isSettled = false;

  constructor(
    readonly ordinal: number,
    readonly owner: string | undefined,
    readonly idempotencyKey: string | undefined,
    readonly url: string,
    readonly timeoutMs: number,
    readonly startedAt: number,
    readonly heedsAbort: boolean,
    readonly slot: string | undefined,
  ) {
    this.idleSince = startedAt;
    this.seenAt = startedAt;
  }

  get name(): string {
    return `task ${this.ordinal}`;
  }

  /** Its job runs although the task has ended. */
  get settles(): boolean {
    return this.status !== 'running' && this.context !== undefined && !this.#isSettled;
  }

  readonly job: AsyncTask = (context) => {
    this.executions++;
    this.context = context;
    return new Promise((resolve, reject) => {
      this.resolve = (result) => {
        this.#isSettled = true;
        resolve(result);
      };
      this.reject = (error) => {
        this.#isSettled = true;
        reject(error);
      };
      if (!this.heedsAbort) return;
      context.signal.addEventListener('abort', () => this.reject?.(context.signal.reason), { once: true });
    });
  };

  /** An event that names its task and its place, so that one which strays is recognised. */
  payload(pad: string): object {
    return { of: this.ordinal, at: this.events.length + 1, pad };
  }

  log(event: string | undefined, data: unknown): void {
    const json = JSON.stringify(data);
    this.events.push({ event, json });
    if (event === undefined) this.progress = json;
  }

  end(status: Exclude<TaskStatus, 'running'>, members: object, now: number): void {
    const event = status === 'completed' ? 'complete' : status;
    this.events.push({ event, json: JSON.stringify({ task_id: this.taskId, status, ...members }) });
    this.status = status;
    this.endedAt = now;
  }

  /** The bytes that the events from `seq` on take on the wire, by the protocol. */
  wireBytes(seq: number): number {
    for (let at = this.#wireEnds.length; at <= this.events.length; at++) {
      const { event, json } = this.events[at - 1]!;
      const name = event === undefined ? '' : `event: ${event}\n`;
      const frame = `${name}data: ${json}\nid: ${this.resumeKey}.${at}\n\n`;
      this.#wireEnds.push(this.#wireEnds[at - 1]! + Buffer.byteLength(frame));
    }
    return this.#wireEnds.at(-1)! - this.#wireEnds[seq - 1]!;
  }

  join(subscriberId: string | undefined): void {
    this.subscribers++;
    this.hadSubscribers = true;
    this.idleSince = undefined;
    if (subscriberId !== undefined) this.attached.set(subscriberId, (this.attached.get(subscriberId) ?? 0) + 1);
  }

  leave(subscriberId: string | undefined, position: number, now: number): void {
    this.subscribers--;
    if (this.subscribers === 0) this.idleSince = now;
    if (subscriberId === undefined) return;
    this.attached.set(subscriberId, this.attached.get(subscriberId)! - 1);
    this.departed.set(subscriberId, position);
  }

  /** Where a subscriber without a cursor goes on. */
  startOf(subscriberId: string | undefined): number {
    if (subscriberId === undefined || (this.attached.get(subscriberId) ?? 0) > 0) return 0;
    return this.departed.get(subscriberId) ?? 0;
  }
}
