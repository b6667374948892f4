/** Admits starts: takes the idempotency key, the slot and a place, then reads the input, then asks the engine for the task. */
import { askCallback, askSyncCallback, readIdentity } from '../core/callbacks.js';
import type { Engine } from '../core/engine/engine.js';
import { checkNumber } from '../core/engine/engine-options.js';
import type { Place } from '../core/engine/task-starter.js';
import { TaskError, tooManyTasks } from '../core/errors.js';
import { OneByOne } from '../core/one-by-one.js';
import type { OnBusy, Started, TaskHandler } from '../core/run/start-request.js';
import type { SnapshotOptions } from '../core/run/snapshot.js';
import { scopedName } from '../core/task/scoped-name.js';
import type { AsyncTask } from '../core/task/task.js';
import { DEFAULT_WIRE } from '../sse/default-wire.js';
import { placeHeaders, TASK_ID_HEADER } from '../sse/headers.js';
import type { Wire } from '../sse/wire.js';
import { IdempotencyKeys, type Idempotency } from './idempotency-key.js';
import { assertWaiting, whileWaiting, type Presence } from './presence.js';
import { ReadingPlaces } from './reading-places.js';

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

/** The owner of a start, the handler that could run it again, and what tells it apart from other starts. */
export interface StartNames {
  readonly owner: string | undefined;
  readonly handler: TaskHandler;
  readonly idempotencyKey?: string;
  readonly fingerprint?: string;
  /** The client that alone will know of the task, or the upload that the start reads. */
  readonly presence?: Presence | undefined;
}

/** Admits the starts of one manager. */
export class Admission {
  /** The places among the running tasks that starts already hold while their input is read. */
  readonly #reading = new ReadingPlaces();
  readonly #keys: IdempotencyKeys;
  /** Unfinished starts that do not interrupt, by owner and slot. */
  readonly #slots = new OneByOne();
  /** Starts that interrupt, once they have their input. They take turns, or each of many would cancel every other's task. */
  readonly #interrupting = new OneByOne();

  constructor(
    readonly engine: Engine,
    readonly publicPath: string | undefined,
  ) {
    this.#keys = new IdempotencyKeys(engine);
  }

  /** Starts a task, unless the idempotency key already belongs to one, or the slot to one that is joined. */
  async start(execution: Execution, names: StartNames, idempotency: Idempotency | undefined): Promise<Started> {
    if (idempotency === undefined) return this.#create(execution, names);
    const readFingerprint = (): Promise<string> => whileWaiting(names.presence, idempotency.readFingerprint());
    const create = (taken: object): Promise<Started> => this.#create(execution, { ...names, ...taken });
    return this.#keys.take({ ...idempotency, readFingerprint }, names.owner, create);
  }

  /**
   * Starts a task in its slot. Of starts that do not interrupt, one at a time goes on, as with equal keys: the others
   * find its task, and their input is not read.
   */
  async #create(execution: Execution, names: StartNames): Promise<Started> {
    const { presence, owner, idempotencyKey, fingerprint } = names;
    const { slot: slotOf, onBusy } = execution;
    const slot = slotOf && readIdentity('slot', await whileWaiting(presence, askCallback('slot', slotOf)));
    const place = { owner, idempotencyKey, fingerprint, slot, onBusy };
    const fill = (): Promise<Started> => this.#fill(place, execution, names);
    if (slot === undefined || onBusy === 'interrupt') return fill();
    return this.#slots.run(scopedName(owner, slot), fill);
  }

  /** Takes a place and reads the input, which may be an upload, then starts the task, in a slot that is cleared for it. */
  async #fill(place: Place, execution: Execution, { handler, presence }: StartNames): Promise<Started> {
    const { wire = DEFAULT_WIRE } = execution;
    const { starter } = this.engine;
    const { answer, interrupted } = await whileWaiting(presence, starter.lookIntoSlot(place));
    if (answer !== undefined) return this.#accept(answer);
    const givenUp = interrupted !== undefined && this.engine.run(interrupted.taskId) !== undefined ? 1 : 0;
    const input = await this.#readInput(execution, place, presence, givenUp);
    const wireName = wire === DEFAULT_WIRE ? undefined : wire.name;
    const start = async (): Promise<Started> =>
      this.#accept(await this.engine.start({ ...handler, ...place, wire: wireName, input }));
    if (place.slot === undefined || place.onBusy !== 'interrupt') return start();
    return this.#interrupting.run(scopedName(place.owner, place.slot), async () => {
      assertWaiting(presence);
      // Only now, since a start whose input is refused must not have ended the task that it wanted to interrupt.
      const equal = await whileWaiting(presence, starter.clearSlot(place));
      return equal === undefined ? start() : this.#accept(equal);
    });
  }

  /**
   * Reads the input of a task that has its place already, so that no input is read for nothing.
   * @param givenUp the places that the task it interrupts gives up for it
   */
  async #readInput(
    { input }: Execution,
    { owner, slot }: Place,
    presence: Presence | undefined,
    givenUp: number,
  ): Promise<unknown> {
    if (!this.#reading.has(owner, slot)) {
      this.engine.admit(this.#reading.size - givenUp);
      if (this.#reading.of(owner) >= this.engine.options.maxTasksPerOwner) throw tooManyTasks();
    }
    const giveBack = this.#reading.take(owner, slot);
    try {
      return await whileWaiting(presence, askCallback('input', input));
    } finally {
      giveBack();
    }
  }

  /** @throws TaskError `SLOT_BUSY` where the start wanted the slot to itself */
  #accept(started: Started): Started {
    if (started.isBusy !== true) return started;
    const { taskId } = started.record;
    const headers = { [TASK_ID_HEADER]: taskId, ...placeHeaders(this.publicPath, taskId) };
    throw new TaskError('SLOT_BUSY', 'Another task runs in this slot', { headers });
  }

  /** Returns what `execution` runs tasks with; `handler` identifies it, for tasks that have to be run again. */
  handlerOf({ job, snapshot, wire, ...times }: Execution, handler: string | undefined): TaskHandler {
    const { options } = this.engine;
    const fold = wire?.fold;
    return {
      job,
      handler,
      snapshot: fold === undefined ? snapshot : () => askSyncCallback('wire.fold', fold, options.maxBytesPerTask),
      timeoutMs: checkNumber('timeoutMs', times.timeoutMs ?? options.timeoutMs),
      abandonAfterMs: checkNumber('abandonAfterMs', times.abandonAfterMs ?? options.abandonAfterMs),
    };
  }
}
