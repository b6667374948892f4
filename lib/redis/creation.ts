/** Creates tasks in Redis, and takes their idempotency keys, slots and quotas, on a cluster too. */
import { pause } from '../core/clock.js';
import { unavailable } from '../core/errors.js';
import { isTask, type Created, type Found, type Obstacle } from '../distributed/port/calls.js';
import type { DriverSettings } from '../distributed/port/driver.js';
import { newTask, type Draft, type StoredTask } from '../distributed/port/stored.js';
import type { Commands } from './clients/commands.js';
import { FREE_KEY, TAKE_KEY, TAKE_QUOTA } from './scripts/fleet-scripts.js';
import type { Indexes, Named } from './indexes.js';
import type { Keys } from './keys.js';
import { allDone, textsOf } from './clients/replies.js';
import { fieldsOf } from './task-hash.js';
import type { TaskReader } from './task-reader.js';
import { CREATE, REMOVE } from './scripts/task-scripts.js';

/** Creation tries this often to take a key or a place in a quota over from tasks that are over. */
const TRIES = 5;
/** The pause before creation asks again which of several starts with one idempotency key has won, in ms. */
const PAUSE_MS = 100;

/**
 * Creates tasks. On a cluster the keys of one task and what it competes for lie on different nodes, so no script sees them
 * all. They are written in an order, and undone in the opposite one, in which nobody finds what is not there: the task
 * with what leads to it, its place in the quota, its slot, and last its idempotency key, which decides.
 */
export class Creation {
  constructor(
    readonly commands: Commands,
    readonly keys: Keys,
    readonly indexes: Indexes,
    readonly reader: TaskReader,
    readonly settings: Pick<DriverSettings, 'runningTtlMs' | 'maxTasksPerOwner' | 'clock'>,
  ) {}

  async create(draft: Draft, holder: string, quota = this.settings.maxTasksPerOwner): Promise<Created> {
    const { idempotencyKey, owner, taskId } = draft;
    const repeated = idempotencyKey === undefined ? undefined : await this.reader.read({ idempotencyKey, owner });
    if (isTask(repeated)) return repeated.taskId === taskId ? { created: repeated } : taken('idempotencyKey', repeated);
    const made = this.#make(draft, holder);
    // Commands of one connection keep their order; those for several nodes do not.
    if (this.commands.port.cluster) await made;
    const [existed, obstacle] = await Promise.all([made, this.#compete(draft, quota)]);
    if (obstacle !== undefined) {
      await this.remove(draft, holder);
      return obstacle;
    }
    const existing = existed ? await this.reader.read({ taskId }) : undefined;
    return { created: isTask(existing) ? existing : newTask(draft, holder) };
  }

  /** Removes a task of which nothing was ever appended, and all that leads to it. */
  async remove(task: Named, holder: string | undefined): Promise<void> {
    const { taskId, owner, idempotencyKey } = task;
    if (idempotencyKey !== undefined) {
      await this.commands.run(FREE_KEY, [this.keys.idempotencyKey(owner, idempotencyKey)], [taskId]);
    }
    if ((await this.commands.run(REMOVE, this.keys.ofTask(taskId), [])) === '0') return;
    await allDone(this.indexes.gone(task, 'running', [holder]));
  }

  async #make(draft: Draft, holder: string): Promise<boolean> {
    const { taskId, createdAtMs, schema, input = '' } = draft;
    const args = [String(this.settings.runningTtlMs), String(createdAtMs), String(schema), input];
    const steps = [
      this.commands.runInOrder(CREATE, this.keys.ofTask(taskId), [...args, ...fieldsOf(draft, holder)]),
      ...this.indexes.created(draft, holder),
    ];
    return (await allDone(steps))[0] === '0';
  }

  /**
   * Takes the places first, and then the idempotency key. A start with the same key that has a place may still lose the key
   * to another one and be undone, so nobody is told of it before the key says which of them stays.
   */
  async #compete(draft: Draft, quota: number): Promise<Created | undefined> {
    const { owner, idempotencyKey } = draft;
    for (let tries = 1; ; tries++) {
      const obstacle = await this.#takePlaces(draft, quota);
      if (idempotencyKey === undefined) return obstacle;
      if (obstacle === undefined) break;
      if (obstacle.taken !== 'idempotencyKey') return obstacle;
      const winner = await this.reader.read({ idempotencyKey, owner });
      if (isTask(winner)) return taken('idempotencyKey', winner);
      if (tries === TRIES) return obstacle; // what leads from the key to the task is lost
      await pause(this.settings.clock, PAUSE_MS);
    }
    const repeated = await this.#takeKey(draft, this.keys.idempotencyKey(owner, idempotencyKey), isTask);
    return repeated && taken('idempotencyKey', repeated);
  }

  async #takePlaces(draft: Draft, quota: number): Promise<Taken | undefined> {
    const { owner, slot } = draft;
    const obstacle = quota === Infinity ? undefined : await this.#takeQuota(draft, quota);
    if (obstacle !== undefined || slot === undefined) return obstacle;
    const occupant = await this.#takeKey(draft, this.keys.slot(owner, slot), isRunning);
    return occupant && taken(isRepeated(draft, occupant) ? 'idempotencyKey' : 'slot', occupant);
  }

  /** The task that has the key; undefined where it belongs to the draft now. */
  async #takeKey({ taskId }: Draft, key: string, counts: typeof isTask): Promise<StoredTask | undefined> {
    let over = '';
    for (let tries = 0; tries < TRIES; tries++) {
      const winner = String(
        await this.commands.run(TAKE_KEY, [key], [taskId, String(this.settings.runningTtlMs), over]),
      );
      if (winner === taskId) return undefined;
      const found = await this.reader.read({ taskId: winner });
      if (counts(found)) return found;
      over = winner;
    }
    throw unavailable('A key changes hands too fast');
  }

  /** If there is no place, a repeated start or one for a taken slot is told so first, since it would not need one. */
  async #takeQuota(draft: Draft, quota: number): Promise<Taken | undefined> {
    const { taskId, owner, slot } = draft;
    const args = [taskId, String(quota), String(this.settings.runningTtlMs)];
    let over: string[] = [];
    for (let tries = 0; tries < TRIES; tries++) {
      const ids = textsOf(await this.commands.run(TAKE_QUOTA, [this.keys.quota(owner)], [...args, ...over]));
      if (ids.length === 0) return undefined;
      const found = await this.reader.readAll(ids);
      const repeated = found.filter(isTask).find((task) => isRepeated(draft, task));
      if (repeated !== undefined) return taken('idempotencyKey', repeated);
      const occupant = found.filter(isRunning).find((task) => slot !== undefined && task.slot === slot);
      if (occupant !== undefined) return taken('slot', occupant);
      over = ids.filter((_, index) => !isRunning(found[index]));
      if (over.length > 0) continue;
      if (!hasTwins(found) || tries === TRIES - 1) return { taken: 'quota' };
      await pause(this.settings.clock, PAUSE_MS); // the key decides which of the twins stays, and the others give their places back
    }
    throw unavailable('Places in a quota change hands too fast');
  }
}

type Taken = Extract<Created, { readonly taken: Obstacle }>;
const isRunning = (found: Found): found is StoredTask => found?.status === 'running';
const isRepeated = ({ idempotencyKey }: Draft, task: StoredTask): boolean =>
  idempotencyKey !== undefined && task.idempotencyKey === idempotencyKey;

/** Tells whether two of an owner's tasks have one idempotency key, of which only one will stay. */
function hasTwins(found: readonly Found[]): boolean {
  const keys = found.filter(isRunning).flatMap(({ idempotencyKey }) => idempotencyKey ?? []);
  return new Set(keys).size < keys.length;
}

const taken = (obstacle: Obstacle, by: StoredTask): Taken => ({ taken: obstacle, by });
