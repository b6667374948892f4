import type { IncomingMessage } from 'node:http';
import type { Engine } from '../core/engine.js';
import { TaskError } from '../core/errors.js';
import { checkNumber } from '../core/engine-options.js';
import type { TaskRecord, TaskRef } from '../core/ports.js';
import type { Started, TaskHandler } from '../core/requests.js';
import type { SnapshotOptions } from '../core/snapshot.js';
import type { AsyncTask } from '../core/task.js';
import type { Heartbeat } from '../sse/heartbeat.js';
import { StoredTaskStream, type StreamSettings } from '../sse/task-stream.js';
import type { Wires } from '../wires/wires.js';
import { assertMayStart } from './guards.js';
import { fingerprintOf, readIdempotencyKey, urlOf, type AnyRequest, type ResumeRequest } from './request.js';

/** How a request starts a task. */
export interface Execution {
  readonly job: AsyncTask;
  /** Asked for only when a task is really started. */
  readonly input: () => unknown;
  readonly timeoutMs?: number | undefined;
  readonly abandonAfterMs?: number | undefined;
  readonly snapshot?: SnapshotOptions | undefined;
  /** Of the handler, if it has one: then its tasks can be run again without a request. */
  readonly name?: string | undefined;
}

/** How a start that is not the request's own is told apart from others. */
export interface Idempotency {
  readonly key: string;
  readonly fingerprint: string;
}

export interface TaskRequestsOptions {
  readonly owner: ((req: IncomingMessage) => string | undefined | Promise<string | undefined>) | undefined;
  readonly allowedOrigins: readonly string[];
  /** Where clients find the router. */
  readonly publicPath: string | undefined;
  /** The wires that tasks may speak. */
  readonly wires: Wires;
}

/** Where requests meet tasks: who asks, may they, and do they start something or come back to it. */
export class TaskRequests {
  readonly #streams: StreamSettings;

  constructor(
    readonly engine: Engine,
    readonly options: TaskRequestsOptions,
    heartbeat: Heartbeat,
  ) {
    const { maxSubscribersPerTask } = engine.options;
    const { publicPath, wires } = options;
    this.#streams = {
      ...{ heartbeat, maxSubscribersPerTask, publicPath },
      wireOf: (name) => wires.get(name),
      open: (taskId) => engine.open(taskId),
    };
  }

  get hasOwners(): boolean {
    return this.options.owner !== undefined;
  }

  async ownerOf(req: AnyRequest): Promise<string | undefined> {
    return this.options.owner?.(req as IncomingMessage);
  }

  /** A task that the request may know of. @throws TaskError `TASK_NOT_FOUND`, the same for unknown and for not theirs */
  async find(req: AnyRequest, ref: TaskRef, texts = false): Promise<TaskRecord> {
    return this.engine.findOwned(ref, await this.ownerOf(req), texts);
  }

  /** Starts or comes back, as the request says. */
  async execute(
    req: AnyRequest,
    resume: ResumeRequest,
    subscriberId: string | undefined,
    execution: Execution,
  ): Promise<StoredTaskStream> {
    const { engine } = this;
    const { resumeKey } = resume;
    if (resumeKey !== undefined) {
      const record = await this.find(req, { resumeKey });
      await engine.restart(record, this.#handlerOf(req, execution));
      return this.attach(record, resume, subscriberId);
    }
    const key = readIdempotencyKey(req);
    const idempotency = key === undefined ? undefined : { key, fingerprint: fingerprintOf(req) };
    const { record, created } = await this.start(req, execution, idempotency);
    if (!created) await engine.restart(record, this.#handlerOf(req, execution));
    return this.attach(record, resume, subscriberId, !created);
  }

  /** Starts a task, unless the idempotency key belongs to one. */
  async start(req: AnyRequest, execution: Execution, idempotency: Idempotency | undefined): Promise<Started> {
    const { engine } = this;
    assertMayStart(req, this.options.allowedOrigins);
    const owner = await this.ownerOf(req);
    const { key, fingerprint } = idempotency ?? {};
    const findRepeated = async (): Promise<TaskRecord | undefined> =>
      key === undefined ? undefined : engine.findRepeated(key, owner, fingerprint);
    const repeated = await findRepeated();
    if (repeated !== undefined) return { record: repeated, created: false };
    try {
      engine.admit(); // before the input is read, which may be an upload
      const input = await execution.input();
      const handler = this.#handlerOf(req, execution);
      return await engine.start({ ...handler, input, owner, fingerprint, idempotencyKey: key });
    } catch (error) {
      // A twin of this request may have taken the last place meanwhile.
      const twin = error instanceof TaskError && error.code === 'AT_CAPACITY' ? await findRepeated() : undefined;
      if (twin === undefined) throw error;
      return { record: twin, created: false };
    }
  }

  /** Has this instance run the tasks of a named handler again that others have lost. @throws TaskError `INVALID_OPTION` */
  register(name: string, execution: Execution): void {
    const handler = this.#withDefaults(execution, `name:${name}`);
    this.engine.handlers.register(`name:${name}`, handler);
  }

  /** A task without a name can be run again only by a request of the same method to the same path. */
  #handlerOf(req: AnyRequest, execution: Execution): TaskHandler {
    const { name } = execution;
    const route = `route:${req.method ?? ''} ${urlOf(req).split('?', 1).join('')}`;
    return this.#withDefaults(execution, name === undefined ? route : `name:${name}`);
  }

  #withDefaults({ job, snapshot, ...times }: Execution, handler: string): TaskHandler {
    const { options } = this.engine;
    return {
      job,
      snapshot,
      handler,
      timeoutMs: checkNumber('timeoutMs', times.timeoutMs ?? options.timeoutMs),
      abandonAfterMs: checkNumber('abandonAfterMs', times.abandonAfterMs ?? options.abandonAfterMs),
    };
  }

  async attach(
    record: TaskRecord,
    { cursor, snapshot, waitMs }: ResumeRequest,
    subscriberId: string | undefined,
    resumed = true,
  ): Promise<StoredTaskStream> {
    const start = await this.engine.startOf(record, { cursor, subscriberId, snapshot });
    return new StoredTaskStream({ record, subscriberId, start, resumed, waitMs }, this.#streams);
  }
}
