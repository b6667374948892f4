/** Finds tasks in Redis, reads them and lists them. */
import { isTask, type Found, type ListQuery, type Ref, type Wanted } from '../distributed/port/calls.js';
import type { StoredTask, TaskState } from '../distributed/port/stored.js';
import type { Commands } from './clients/commands.js';
import type { Keys } from './keys.js';
import { textsOf, type Reply } from './clients/replies.js';
import { parseState, parseTask, wordsOf } from './task-hash.js';
import { FIND, LOOK, READ } from './scripts/task-scripts.js';

/** One script call reads at most this many tasks, so that Redis has time for others in between. */
const TASKS_PER_CALL = 50;

/** Finds and reads tasks. */
export class TaskReader {
  constructor(
    readonly commands: Commands,
    readonly keys: Keys,
  ) {}

  async read(ref: Ref, wanted: Wanted = {}): Promise<Found> {
    if ('taskId' in ref) return this.#readOne(ref.taskId, wanted);
    const task = await this.#find(this.#keyOf(ref), wanted);
    if ('resumeKey' in ref) return task;
    // A slot is free without a running task, and an idempotency key without a task that is kept.
    const isFree = !isTask(task) || ('slot' in ref && task.status !== 'running');
    return isFree ? undefined : task;
  }

  readAll(taskIds: readonly string[]): Promise<readonly Found[]> {
    return this.#inCalls(taskIds, (some) => this.#readSome(some, {}));
  }

  look(taskIds: readonly string[]): Promise<readonly (TaskState | undefined)[]> {
    return this.#inCalls(taskIds, async (some) => {
      const reply = (await this.commands.run(LOOK, some.flatMap(this.keys.ofTask), [])) as readonly Reply[];
      return some.map((taskId, index) => parseState(taskId, reply[index]));
    });
  }

  /** Takes tasks off a list on the way that are gone or have another status. */
  async list({ of, status, limit, before }: ListQuery): Promise<readonly StoredTask[]> {
    const list = this.keys.list(of, status);
    const tasks: StoredTask[] = [];
    const stale: string[] = [];
    let last = before;
    let left: number;
    do {
      left = limit - tasks.length;
      const max = last === undefined ? '+' : `(${last}`;
      const page = await this.commands.send(list, 'ZREVRANGEBYLEX', list, max, '-', 'LIMIT', '0', String(left));
      const taskIds = textsOf(page);
      (await this.readAll(taskIds)).forEach((task, index) => {
        if (isTask(task) && (status ?? task.status) === task.status) tasks.push(task);
        else stale.push(taskIds[index] ?? '');
      });
      last = taskIds.at(-1);
      if (taskIds.length < left) break;
    } while (tasks.length < limit);
    if (stale.length > 0) await this.commands.send(list, 'ZREM', list, ...stale);
    return tasks;
  }

  /** A cursor is the number of a master and where its SCAN goes on. */
  async walk(cursor = '0 0', limit: number): Promise<{ tasks: readonly StoredTask[]; next: string | undefined }> {
    const [master = 0, from = 0] = cursor.split(' ').map(Number);
    const pattern = `${this.keys.prefix.replace(/[\\*?[\]]/g, '\\$&')}{*}:task`;
    const reply = await this.commands.sendTo(
      master,
      'SCAN',
      String(from),
      'MATCH',
      pattern,
      'COUNT',
      String(8 * limit),
    );
    if (reply === undefined) return { tasks: [], next: undefined };
    const [next = '0', keys = []] = reply as readonly Reply[];
    const found = await this.readAll(textsOf(keys).map(this.keys.taskOf));
    return { tasks: found.filter(isTask), next: next === '0' ? `${master + 1} 0` : `${master} ${String(next)}` };
  }

  #keyOf(ref: Exclude<Ref, { taskId: string }>): string {
    if ('resumeKey' in ref) return this.keys.resumeKey(ref.resumeKey);
    return 'slot' in ref
      ? this.keys.slot(ref.owner, ref.slot)
      : this.keys.idempotencyKey(ref.owner, ref.idempotencyKey);
  }

  /** The task that a key leads to. A cluster has it on another node, perhaps, so that takes a second call. */
  async #find(key: string, wanted: Wanted): Promise<Found> {
    if (this.commands.port.cluster) {
      const taskId = await this.commands.send(key, 'GET', key);
      return typeof taskId === 'string' ? this.#readOne(taskId, wanted) : undefined;
    }
    const found = await this.commands.run(FIND, [key], [wordsOf(wanted), this.keys.prefix]);
    if (!Array.isArray(found)) return undefined;
    const [taskId, task] = found as readonly Reply[];
    return parseTask(String(taskId), task, wanted);
  }

  async #readOne(taskId: string, wanted: Wanted): Promise<Found> {
    return (await this.#readSome([taskId], wanted))[0];
  }

  async #inCalls<T>(
    taskIds: readonly string[],
    ask: (some: readonly string[]) => Promise<readonly T[]>,
  ): Promise<readonly T[]> {
    const size = this.commands.port.cluster ? 1 : TASKS_PER_CALL;
    const calls: Promise<readonly T[]>[] = [];
    for (let from = 0; from < taskIds.length; from += size) calls.push(ask(taskIds.slice(from, from + size)));
    return (await Promise.all(calls)).flat();
  }

  async #readSome(taskIds: readonly string[], wanted: Wanted): Promise<readonly Found[]> {
    const reply = await this.commands.run(READ, taskIds.flatMap(this.keys.ofTask), [wordsOf(wanted)]);
    return taskIds.map((taskId, index) => parseTask(taskId, (reply as readonly Reply[])[index], wanted));
  }
}
