import type { Context } from './context.js';
import type { Inbox } from './inbox.js';
import type { Mirror } from './mirror.js';
import { AUDIENCE, DEPARTED, DISBAND } from './scripts.js';

/** Counts subscribers on all instances, and tells whoever runs the task. Changes of one tick are told together. */
export class Audience {
  readonly #changed = new Set<Mirror>();
  #scheduled: Promise<void> | undefined;
  #closed = false;

  constructor(
    readonly context: Context,
    readonly inbox: Inbox,
  ) {}

  changed(mirror: Mirror): void {
    if (this.#closed) return;
    this.#changed.add(mirror);
    this.#scheduled ??= new Promise((resolve) => {
      setImmediate(() => {
        this.#scheduled = undefined;
        void this.flush().then(resolve);
      });
    });
  }

  /** Tells what has changed. What cannot be told now is told next time. */
  async flush(): Promise<void> {
    const changed = [...this.#changed];
    this.#changed.clear();
    await Promise.all(changed.map((mirror) => this.#publish(mirror)));
  }

  async #publish(mirror: Mirror): Promise<void> {
    const { keys, commands, instance, runningTtlMs } = this.context;
    const { taskId, local } = mirror;
    const moves = mirror.moves.splice(0);
    const followed = keys.followed(instance);
    try {
      const args = [instance, String(local), String(runningTtlMs), ...moves.flat()];
      const [reply] = await Promise.all([
        commands.run(
          AUDIENCE,
          [keys.task, keys.subscribers, keys.attached, keys.departed].map((key) => key(taskId)),
          args,
        ),
        commands.send(followed, local > 0 ? 'SADD' : 'SREM', followed, taskId),
        commands.send(followed, 'PEXPIRE', followed, String(runningTtlMs)),
      ]);
      if (!Array.isArray(reply)) return;
      mirror.countedAll(Number(reply[0]), local);
      this.#tellHolder(String(reply[1]), taskId, Number(reply[0]));
    } catch {
      mirror.moves.unshift(...moves.slice(-1_000));
      this.#changed.add(mirror);
    }
  }

  /** Who is still attached to this instance when it stops, counts no more. */
  async close(): Promise<void> {
    await this.flush();
    this.#closed = true;
    await this.disband(this.context.instance);
  }

  /** The subscribers of an instance that died are gone with it. */
  async disband(instance: string): Promise<void> {
    const { keys, commands } = this.context;
    const followed = keys.followed(instance);
    const taskIds = (await commands.send(followed, 'SMEMBERS', followed)) as string[];
    for (const taskId of taskIds) {
      const names = [keys.task(taskId), keys.subscribers(taskId), keys.attached(taskId)];
      const reply = await commands.run(DISBAND, names, [instance]);
      if (Array.isArray(reply)) this.#tellHolder(String(reply[1]), taskId, Number(reply[0]));
    }
    await commands.send(followed, 'DEL', followed);
  }

  /** Where a subscriber left off, unless it is attached somewhere now. */
  async departedAt(taskId: string, subscriberId: string): Promise<number | undefined> {
    await this.#scheduled;
    const { keys, commands } = this.context;
    const names = [keys.departed(taskId), keys.attached(taskId), keys.subscribers(taskId)];
    const position = await commands.run(DEPARTED, names, [subscriberId]);
    return position === null ? undefined : Number(position);
  }

  #tellHolder(holder: string, taskId: string, subscribers: number): void {
    if (holder === this.context.instance) return;
    this.inbox.send(holder, { kind: 'audience', taskId, subscribers }).catch(() => undefined);
  }
}
