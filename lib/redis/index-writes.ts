/** Writes to indexes, one command for all tasks of a turn. */
import type { Commands, Script } from './clients/commands.js';
import type { Reply } from './clients/replies.js';

/** One change to one index, of all tasks that it is wanted for in one turn. */
interface Write {
  readonly kind: string;
  readonly taskIds: string[];
  readonly done: Promise<Reply>;
}

/**
 * Writes to indexes. What one turn has to say to an index about many tasks, it says in one command: thousands of tasks that
 * end together, as those of an instance that is gone do, cost Redis and the client little more than one.
 */
export class IndexWrites {
  /** The last change to each index that has not been sent: one of the same kind joins it, another one comes after it. */
  readonly #open = new Map<string, Write>();

  constructor(
    readonly commands: Commands,
    readonly ttl: string,
  ) {}

  /** Adds a task to a sorted set, which is then kept for `ttl`. */
  add(key: string, taskId: string): Promise<Reply> {
    return this.#join(key, 'add', taskId, async (taskIds) => {
      const members = taskIds.flatMap((each) => ['0', each]);
      const added = this.commands.send(key, 'ZADD', key, ...members);
      const kept = this.commands.send(key, 'PEXPIRE', key, this.ttl);
      return (await Promise.all([added, kept]))[0];
    });
  }

  remove(key: string, taskId: string): Promise<Reply> {
    return this.#join(key, 'remove', taskId, (taskIds) => this.commands.send(key, 'ZREM', key, ...taskIds));
  }

  /** Runs a script that takes any number of tasks after its other arguments. */
  run(script: Script, keys: readonly string[], args: readonly string[], taskId: string): Promise<Reply> {
    return this.#join(keys.join(' '), script.sha, taskId, (taskIds) =>
      this.commands.run(script, keys, [...args, ...taskIds]),
    );
  }

  #join(
    key: string,
    kind: string,
    taskId: string,
    send: (taskIds: readonly string[]) => Promise<Reply>,
  ): Promise<Reply> {
    const last = this.#open.get(key);
    if (last?.kind === kind) {
      last.taskIds.push(taskId);
      return last.done;
    }
    if (this.#open.size === 0) queueMicrotask(this.#close); // before any of them is sent
    const taskIds = [taskId];
    const done = Promise.resolve(taskIds).then(send);
    this.#open.set(key, { kind, taskIds, done });
    return done;
  }

  readonly #close = (): void => {
    this.#open.clear();
  };
}
