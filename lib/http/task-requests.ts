/** Decides for each request who asks, whether they may, and whether it starts a task or returns to one. */
import type { IncomingMessage } from 'node:http';
import { askCallback, readIdentity } from '../core/callbacks.js';
import type { Engine } from '../core/engine.js';
import { checkNumber } from '../core/engine-options.js';
import { abandoned, TaskError } from '../core/errors.js';
import type { TaskRecord, TaskRef } from '../core/ports.js';
import type { OnBusy, Resume, Started, TaskHandler } from '../core/start-request.js';
import type { SnapshotOptions } from '../core/snapshot.js';
import type { AsyncTask } from '../core/task.js';
import { DEFAULT_WIRE } from '../sse/default-wire.js';
import { placeHeaders, TASK_ID_HEADER } from '../sse/headers.js';
import type { Heartbeat } from '../sse/heartbeat.js';
import { StoredTaskStream, type StreamSettings } from '../sse/task-stream.js';
import type { Wire } from '../sse/wire.js';
import type { Wires } from '../wires/wires.js';
import { fingerprintOf } from './fingerprint.js';
import { assertMayStart, requestOver, type StartRules } from './guards.js';
import { OneByOne } from './one-by-one.js';
import { presenceOf, type Presence } from './presence.js';
import { readIdempotencyKey, resourceOf, type AnyRequest, type ResumeRequest } from './read-request.js';

/** The settings with which a request starts a task. */
export interface Execution {
  readonly job: AsyncTask;
  /** Returns the input of the job. Called only where a task is really started. */
  readonly input: () => unknown;
  /**
   * Returns the fingerprint of the request. Called only where it has an idempotency key. Default: `fingerprintOf` the
   * request.
   */
  readonly readFingerprint?: (() => Promise<string>) | undefined;
  readonly timeoutMs?: number | undefined;
  readonly abandonAfterMs?: number | undefined;
  readonly snapshot?: SnapshotOptions | undefined;
  /** The framing of the task's events. Default: the default wire. */
  readonly wire?: Wire | undefined;
  /** Returns the slot of the task. Called only where a task is really started. */
  readonly slot?: (() => unknown) | undefined;
  readonly onBusy?: OnBusy | undefined;
  /** The name of the handler. With a name, its tasks can be run again without a request. */
  readonly name?: string | undefined;
}

/** Identifies a start among others. */
export interface Idempotency {
  readonly key: string;
  readonly readFingerprint: () => Promise<string>;
}

/** The owner of a start, the handler that could run it again, and what tells it apart from other starts. */
interface StartNames {
  readonly owner: string | undefined;
  readonly handler: TaskHandler;
  readonly idempotencyKey?: string;
  readonly fingerprint?: string;
  readonly presence?: Presence | undefined;
}

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
  /** The number of starts whose input is being read. Each already has its place among the running tasks. */
  #reading = 0;
  /**
   * Unfinished starts by owner and idempotency key. A repeated one waits for the task of the first and reads no input.
   */
  readonly #starting = new OneByOne();

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
      open: (taskId, known) => engine.open(taskId, known),
    };
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
    const { resumeKey } = resume;
    if (resumeKey !== undefined) {
      const record = await this.find(req, { resumeKey });
      await this.engine.restart(record, this.#handlerOf(req, execution));
      return this.attach(record, resume, subscriberId);
    }
    const presence = presenceOf(req);
    const key = readIdempotencyKey(req);
    const readFingerprint = execution.readFingerprint ?? (() => fingerprintOf(req));
    const idempotency = key === undefined ? undefined : { key, readFingerprint };
    const { record, created } = await this.start(req, execution, idempotency, presence);
    if (!created) await this.engine.restart(record, this.#handlerOf(req, execution));
    const abandon = created && key === undefined ? (): void => this.#abandon(record.taskId) : undefined;
    return this.attach(record, resume, subscriberId, { resumed: !created, abandon });
  }

  /**
   * Starts a task, unless the idempotency key already belongs to one.
   * @param presence of the client that alone will know of the task; undefined where the application knows of it too
   * @throws TaskError `REQUEST_OVER` where nobody could reach the task: its client has left, or was answered already
   */
  async start(
    req: AnyRequest,
    execution: Execution,
    idempotency: Idempotency | undefined,
    presence?: Presence,
  ): Promise<Started> {
    assertMayStart(req, this.options);
    const names = { owner: await this.ownerOf(req), handler: this.#handlerOf(req, execution), presence };
    return this.#startOnce(execution, names, idempotency);
  }

  /** Starts a task for the program itself. Without a name, nobody can run it again. */
  async startFor(
    owner: string | undefined,
    execution: Execution,
    idempotency: Idempotency | undefined,
  ): Promise<Started> {
    const { name } = execution;
    const handler = this.#withDefaults(execution, name === undefined ? undefined : `name:${name}`);
    return this.#startOnce(execution, { owner, handler }, idempotency);
  }

  /** Lets this instance run the lost tasks of a named handler again. @throws TaskError `INVALID_OPTION` */
  register(name: string, execution: Execution): void {
    this.engine.handlers.register(`name:${name}`, this.#withDefaults(execution, `name:${name}`));
  }

  /** @param how whether the task was there before, and what to do where its first client is told nothing of it */
  async attach(
    record: TaskRecord,
    { cursor, epoch, snapshot, waitMs }: ResumeRequest,
    subscriberId: string | undefined,
    how: { readonly resumed: boolean; readonly abandon?: (() => void) | undefined } = { resumed: true },
  ): Promise<StoredTaskStream> {
    const resume = this.#resumeOn(record, { cursor, epoch, subscriberId, snapshot }, how.resumed);
    const start = await this.engine.startOf(record, resume);
    return new StoredTaskStream({ record, subscriberId, start, waitMs, ...how }, this.#streams);
  }

  /**
   * Decides where clients of a folding wire start: they have all events up to their cursor, or nothing and then begin
   * with the folded state.
   */
  #resumeOn({ wire }: TaskRecord, resume: Resume, resumed: boolean): Resume {
    if (this.options.wires.get(wire).fold === undefined) return resume;
    return { ...resume, subscriberId: undefined, snapshot: resumed && resume.cursor === undefined };
  }

  async #startOnce(execution: Execution, names: StartNames, idempotency: Idempotency | undefined): Promise<Started> {
    if (idempotency === undefined) return this.#create(execution, names);
    const { owner, handler } = names;
    const { key, readFingerprint } = idempotency;
    const fingerprint = await readFingerprint();
    return this.#starting.run(JSON.stringify([owner, key]), async () => {
      const repeated = await this.engine.findRepeated(key, owner, fingerprint);
      if (repeated !== undefined) return { record: repeated, created: false };
      return this.#create(execution, { owner, handler, idempotencyKey: key, fingerprint });
    });
  }

  /** Takes a place, then reads the input, which may be an upload, then starts the task. */
  async #create(execution: Execution, names: StartNames): Promise<Started> {
    const { owner, handler, idempotencyKey, fingerprint, presence } = names;
    const { slot: slotOf, wire = DEFAULT_WIRE, onBusy } = execution;
    if (presence?.isWaiting() === false) throw requestOver();
    this.engine.admit();
    if (this.engine.room <= this.#reading) throw new TaskError('AT_CAPACITY', 'Too many tasks are running');
    this.#reading++;
    let input: unknown;
    let slot: string | undefined;
    try {
      if (slotOf !== undefined) slot = readIdentity('slot', await askCallback('slot', slotOf));
      input = await askCallback('input', execution.input);
    } finally {
      this.#reading--;
    }
    if (presence?.isWaiting() === false) throw requestOver();
    const place = { wire: wire === DEFAULT_WIRE ? undefined : wire.name, slot, onBusy };
    const started = await this.engine.start({ ...handler, input, owner, fingerprint, idempotencyKey, ...place });
    if (started.isBusy !== true) return started;
    const { taskId } = started.record;
    const headers = { [TASK_ID_HEADER]: taskId, ...placeHeaders(this.options.publicPath, taskId) };
    throw new TaskError('SLOT_BUSY', 'Another task runs in this slot', { headers });
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
    return this.#withDefaults(execution, name === undefined ? route : `name:${name}`);
  }

  #withDefaults({ job, snapshot, wire, ...times }: Execution, handler: string | undefined): TaskHandler {
    const { options } = this.engine;
    const fold = wire?.fold;
    return {
      ...{ job, handler },
      snapshot: fold === undefined ? snapshot : () => fold(options.maxBytesPerTask),
      timeoutMs: checkNumber('timeoutMs', times.timeoutMs ?? options.timeoutMs),
      abandonAfterMs: checkNumber('abandonAfterMs', times.abandonAfterMs ?? options.abandonAfterMs),
    };
  }
}
