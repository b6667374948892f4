/** Implements the port of a task store on top of one instance. */
import { pause } from '../core/clock.js';
import { tooManyTasks, unavailable, type PublicError } from '../core/errors.js';
import type { MemoryBudget } from '../core/log/memory.js';
import type {
  Creation,
  KnownPlace,
  OpenTaskStore,
  Postponed,
  StoreSizes,
  Takeover,
  TaskDraft,
  TaskFeed,
  TaskFilter,
  TaskRecord,
  TaskRef,
  Tombstone,
} from '../core/ports.js';
import { ignore } from '../core/optional-promise.js';
import { isTask, type Created } from './port/calls.js';
import { RETRY_MS } from './context.js';
import type { Instance } from './instance.js';
import { toRecord } from './records.js';
import { isKnownSchema } from './port/schema.js';
import { SCHEMA, type Draft } from './port/stored.js';

/** Ids that drivers may make names of their own from. */
const isTaskId = (text: string): boolean => /^[\w-]{1,64}$/.test(text);

/** A list is read in pages of so many tasks. */
const PAGE = 100;
/** A start that is not answered is asked again so often. */
const TRIES = 5;

/** The tasks of one manager, which other instances serve too. */
export class SharedTaskStore implements OpenTaskStore {
  readonly shared = true;

  constructor(readonly instance: Instance) {}

  async create(draft: TaskDraft, settling = 0): Promise<Creation> {
    const { owned, liveness, notificationMonitor, reader } = this.instance;
    notificationMonitor.start();
    await liveness.ready();
    return owned.whileExpected(draft.taskId, async () => {
      const entry = await this.#create(this.#toDraft(draft), settling);
      if ('created' in entry) {
        const { status, token, holder } = entry.created;
        const isOurs = status === 'running' && token === 1 && holder === this.instance.context.instance;
        // It took so long that others have taken this instance for dead.
        if (!isOurs) throw unavailable('The task was lost while it was being started');
        return { created: true, writer: owned.own(entry.created, toRecord(entry.created, false, 0)) };
      }
      const { taken, by } = entry;
      if (taken !== 'quota' && by !== undefined) return { created: false, taken, record: reader.toRecord(by) };
      throw tooManyTasks();
    });
  }

  async find(ref: TaskRef, texts = false): Promise<TaskRecord | Tombstone | undefined> {
    if ('taskId' in ref && !isTaskId(ref.taskId)) return undefined;
    return this.instance.reader.find(ref, texts);
  }

  async list({ status, owner, limit, before }: TaskFilter): Promise<readonly TaskRecord[]> {
    const { reader, context } = this.instance;
    const found: TaskRecord[] = [];
    let last = before;
    while (found.length < limit) {
      const size = Math.min(PAGE, limit - found.length);
      const of = owner === undefined ? undefined : { owner };
      const page = await context.driver.list({ of, status, limit: size, before: last });
      found.push(...(await reader.toRecords(page.filter(({ schema }) => isKnownSchema(schema)))));
      last = page.at(-1)?.taskId;
      if (page.length < size) break;
    }
    return found;
  }

  async open(taskId: string, known?: KnownPlace): Promise<TaskFeed | undefined> {
    if (!isTaskId(taskId)) return undefined;
    this.instance.notificationMonitor.start();
    await this.instance.liveness.ready();
    return this.instance.copies.open(taskId, known);
  }

  async departedAt(taskId: string, subscriberId: string): Promise<number | undefined> {
    return isTaskId(taskId) ? this.instance.audience.departedAt(taskId, subscriberId) : undefined;
  }

  async requestCancel(taskId: string, reason: PublicError): Promise<boolean> {
    if (!isTaskId(taskId)) return false;
    const { context, owned, reader, recovery } = this.instance;
    const task = await context.driver.requestCancel(taskId, JSON.stringify(reason));
    if (task === undefined) return false;
    const writer = owned.get(taskId);
    if (writer !== undefined) owned.cancel(writer, reason);
    else if (reader.isOrphaned(task)) await recovery.cancel(task, reason);
    else if (task.holder !== undefined)
      await context.driver.notify(task.holder, { kind: 'cancel', taskId }).catch(ignore);
    return true;
  }

  async claim(taskId: string, folds: boolean): Promise<Takeover | Postponed | undefined> {
    if (!isTaskId(taskId)) return undefined;
    this.instance.notificationMonitor.start();
    return this.instance.orphanage.claim(taskId, folds);
  }

  sweep(): Promise<boolean> {
    return this.instance.sweep();
  }

  get memory(): MemoryBudget {
    return this.instance.copies.memory;
  }

  sizes(): StoreSizes {
    return this.instance.copies.sizes;
  }

  stop(): Promise<void> {
    return this.instance.stop();
  }

  /**
   * Asks again where the answer is missing, since the task may have been created; `reconcile` removes what is left in the
   * end. An error that took most of the caller's time is told at once, because another try would outlast it and hide it.
   */
  async #create(draft: Draft, settling: number): Promise<Created> {
    const { driver, instance, settings } = this.instance.context;
    const { clock, timeoutMs } = settings;
    const quota = settings.maxTasksPerOwner - settling;
    if (quota < 1) return this.#obstacleTo(draft);
    const startedMs = clock.now();
    for (let tries = 1; ; tries++) {
      try {
        return await driver.create(draft, instance, quota);
      } catch (error) {
        if (tries === TRIES || clock.now() - startedMs > timeoutMs / 2) {
          this.instance.recovery.noteUnanswered(draft.taskId);
          throw error;
        }
        await pause(clock, RETRY_MS);
      }
    }
  }

  /** Jobs that run on here take all places of the owner: a repeated start and one for an occupied slot need none. */
  async #obstacleTo({ owner, idempotencyKey, slot }: Draft): Promise<Created> {
    const { driver } = this.instance.context;
    const repeated = idempotencyKey === undefined ? undefined : await driver.read({ idempotencyKey, owner });
    if (isTask(repeated)) return { taken: 'idempotencyKey', by: repeated };
    const occupant = slot === undefined ? undefined : await driver.read({ slot, owner });
    return isTask(occupant) ? { taken: 'slot', by: occupant } : { taken: 'quota' };
  }

  #toDraft({ taskId, resumeKey, owner, ...draft }: TaskDraft): Draft {
    const { idempotencyKey, fingerprint, slot, wire, handler, input } = draft;
    const createdAtMs = this.instance.context.settings.clock.wallNow();
    return {
      taskId,
      resumeKey,
      owner,
      idempotencyKey,
      fingerprint,
      slot,
      wire,
      handler,
      input,
      createdAtMs,
      schema: SCHEMA,
    };
  }
}
