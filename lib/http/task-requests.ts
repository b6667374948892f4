/** Decides for each request who asks, whether they may, and whether it starts a task or returns to one. */
import type { IncomingMessage } from 'node:http';
import { askCallback, readIdentity } from '../core/callbacks.js';
import type { Attachment } from '../core/engine/attachment.js';
import type { Engine } from '../core/engine/engine.js';
import { abandoned } from '../core/errors.js';
import type { TaskRecord, TaskRef } from '../core/ports.js';
import type { Started, TaskHandler } from '../core/run/start-request.js';
import type { Heartbeat } from '../sse/heartbeat.js';
import { StoredTaskStream, type StreamSettings } from '../sse/task-stream.js';
import type { Watch } from '../sse/whole-answer.js';
import type { Wires } from '../wires/wires.js';
import { Admission, type Execution } from './admission.js';
import { fingerprintOf } from './fingerprint.js';
import { assertMayStart, type StartRules } from './guards.js';
import { readIdempotencyKey, type Idempotency } from './idempotency-key.js';
import { presenceOf, uploadOf, whileWaiting, type Presence } from './presence.js';
import { resourceOf, type AnyRequest, type ResumeRequest } from './read-request.js';

/** The rules by which the requests of one manager are judged. */
export interface TaskRequestsOptions extends StartRules {
  readonly owner: ((req: IncomingMessage) => string | undefined | Promise<string | undefined>) | undefined;
  /** The place where clients find the router. */
  readonly publicPath: string | undefined;
  /** The wires that tasks may use. */
  readonly wires: Wires;
}

/** Finds out whose request it is, which task it names, and whether it may start one. */
export class TaskRequests {
  readonly #streams: StreamSettings;
  readonly #admission: Admission;
  /** Watches clients while they take a large answer. */
  readonly watch: Watch;

  constructor(
    readonly engine: Engine,
    readonly options: TaskRequestsOptions,
    heartbeat: Heartbeat,
  ) {
    const { maxSubscribersPerTask } = engine.options;
    const { publicPath, wires } = options;
    this.#streams = {
      heartbeat,
      maxSubscribersPerTask,
      publicPath,
      wireOf: (name) => wires.get(name),
    };
    this.#admission = new Admission(engine, publicPath);
    this.watch = { heartbeat, budget: engine.memory };
  }

  get hasOwners(): boolean {
    return this.options.owner !== undefined;
  }

  /** @throws TaskError `CALLBACK_FAILED` where the application's `owner` fails or returns what names nobody */
  async ownerOf(req: AnyRequest): Promise<string | undefined> {
    const { owner } = this.options;
    if (owner === undefined) return undefined;
    return readIdentity('owner', await askCallback('owner', owner, req as IncomingMessage));
  }

  /**
   * Returns a task that the request may know of. For the tasks of others it throws the same error as for unknown ones.
   * @throws TaskError `TASK_NOT_FOUND`, the same for unknown and for not theirs
   */
  async find(req: AnyRequest, ref: TaskRef, texts = false): Promise<TaskRecord> {
    return this.engine.findOwned(ref, await this.ownerOf(req), texts);
  }

  /** Starts a task or returns to one, as the request says. */
  async execute(
    req: AnyRequest,
    resume: ResumeRequest,
    subscriberId: string | undefined,
    execution: Execution,
  ): Promise<StoredTaskStream> {
    const place = { ...resume, subscriberId };
    const { resumeKey, waitMs } = resume;
    if (resumeKey !== undefined) {
      const owner = await this.ownerOf(req);
      const attachment = await this.engine.attach({ resumeKey }, owner, place, this.#handlerOf(req, execution));
      return this.#streamOf(attachment, waitMs);
    }
    const key = readIdempotencyKey(req);
    const presence = key === undefined ? presenceOf(req) : uploadOf(req);
    const readFingerprint = execution.readFingerprint ?? (() => fingerprintOf(req));
    const idempotency = key === undefined ? undefined : { key, readFingerprint };
    const started = await this.start(req, execution, idempotency, presence);
    const { record, created } = started;
    const abandon = created && key === undefined ? (): void => this.#abandon(record.taskId) : undefined;
    const handler = created ? undefined : this.#handlerOf(req, execution);
    return this.#streamOf(await this.engine.attachTo(started, place, handler), waitMs, abandon);
  }

  /**
   * Starts a task, unless the idempotency key already belongs to one.
   * @param presence of the client that alone will know of the task; that of the upload where a key, or the application,
   * leads to it too
   * @throws TaskError `REQUEST_OVER` where nobody could reach the task, because its client has left or was answered
   * already, and where its body was cut
   */
  async start(
    req: AnyRequest,
    execution: Execution,
    idempotency: Idempotency | undefined,
    presence: Presence = uploadOf(req),
  ): Promise<Started> {
    assertMayStart(req, this.options);
    await this.engine.yielder.next(); // so that a loop of refused starts starves nobody
    const owner = await whileWaiting(presence, this.ownerOf(req));
    return this.#admission.start(execution, { owner, handler: this.#handlerOf(req, execution), presence }, idempotency);
  }

  /** Starts a task for the program itself. Without a name, nobody can run it again. */
  async startFor(
    owner: string | undefined,
    execution: Execution,
    idempotency: Idempotency | undefined,
  ): Promise<Started> {
    const { name } = execution;
    await this.engine.yielder.next();
    const handler = this.#admission.handlerOf(execution, name === undefined ? undefined : `name:${name}`);
    return this.#admission.start(execution, { owner, handler }, idempotency);
  }

  /** Lets this instance run the lost tasks of a named handler again. @throws TaskError `INVALID_OPTION` */
  register(name: string, execution: Execution): void {
    this.engine.handlers.register(`name:${name}`, this.#admission.handlerOf(execution, `name:${name}`));
  }

  /** Attaches a client to a task that it was found to know of. */
  async attach(record: TaskRecord, resume: ResumeRequest): Promise<StoredTaskStream> {
    const attachment = await this.engine.attachTo({ record, created: false }, { ...resume, subscriberId: undefined });
    return this.#streamOf(attachment, resume.waitMs);
  }

  /** @param abandon cancels a task whose first client is told nothing of it */
  #streamOf(attachment: Attachment, waitMs: number | undefined, abandon?: () => void): StoredTaskStream {
    return new StoredTaskStream({ attachment, waitMs, abandon }, this.#streams);
  }

  /** Cancels a task that was started here and that nobody was told of. */
  #abandon(taskId: string): void {
    this.engine.run(taskId)?.stop('cancelled', abandoned());
  }

  /**
   * Returns the handler of a request. Without a name, only a request of the same method to the same path can run its
   * task again.
   */
  #handlerOf(req: AnyRequest, execution: Execution): TaskHandler {
    const { name } = execution;
    const route = `route:${req.method ?? ''} ${resourceOf(req).path}`;
    return this.#admission.handlerOf(execution, name === undefined ? route : `name:${name}`);
  }
}
