import type { PublicError } from '../core/errors.js';
import type { StoreSettings } from '../core/ports.js';
import { appendScript } from './append-script.js';
import { Appender } from './appender.js';
import { Audience } from './audience.js';
import type { RedisListener, RedisPort } from './client-port.js';
import { Commands } from './commands.js';
import { runningTtlOf, type Context } from './context.js';
import { Creation } from './creation.js';
import { Holdings } from './holdings.js';
import { Inbox, type Message } from './inbox.js';
import { Keys } from './keys.js';
import { Membership } from './membership.js';
import { Mirrors } from './mirrors.js';
import type { RedisRecord } from './record.js';
import { BURY, EXPIRED } from './scripts.js';
import { Turn } from './turn.js';

/** What is looked after at regular times is looked after so often at most, in ms. */
const TICK_MS = 500;
/** So many expired tasks are buried per sweep. */
const BURIED_PER_SWEEP = 500;

/** One instance among those that serve the same tasks: its parts, and the clock that drives them. */
export class Instance {
  readonly context: Context;
  readonly mirrors: Mirrors;
  readonly holdings: Holdings;
  readonly creation: Creation;
  readonly audience: Audience;
  readonly inbox: Inbox;
  readonly membership: Membership;
  readonly #cancelTick: () => void;
  /** Jobs of a tick that are still at it. */
  readonly #busy = new Set<() => Promise<unknown>>();
  #listener: RedisListener | undefined;
  #stopped = false;

  constructor(
    readonly port: RedisPort,
    prefix: string,
    leaseMs: number,
    instance: string,
    settings: StoreSettings,
  ) {
    const { clock, timeoutMs, ttlMs } = settings;
    const commands = new Commands(port, clock, timeoutMs);
    const appender = new Appender(commands);
    const keys = new Keys(prefix);
    const runningTtlMs = runningTtlOf(ttlMs, leaseMs);
    const isDead = (name: string): boolean => this.membership.isDead(name);
    this.context = {
      ...{ instance, keys, commands, settings, turn: new Turn(), leaseMs, runningTtlMs, appender, isDead },
      appendScript: appendScript(settings.log, ttlMs),
    };
    this.mirrors = new Mirrors(this.context, {
      subscribe: (taskId) => {
        this.#subscribe(keys.events(taskId), taskId);
      },
      unsubscribe: (taskId) => {
        this.#listener?.unsubscribe(keys.events(taskId)).catch(() => undefined);
      },
      audienceChanged: (mirror) => {
        this.audience.changed(mirror);
      },
      added: (mirror) => {
        this.holdings.attach(mirror);
      },
    });
    this.holdings = new Holdings(this.context, this.mirrors);
    this.creation = new Creation(this.context, (taskId) => this.mirrors.read(taskId));
    this.inbox = new Inbox(this.context, (message) => {
      this.#receive(message);
    });
    this.audience = new Audience(this.context, this.inbox);
    this.membership = new Membership(this.context, {
      forgotten: () => this.#forgotten(),
      died: (name) => this.#died(name),
    });
    this.#cancelTick = clock.every(Math.max(20, Math.min(TICK_MS, leaseMs / 10)), () => {
      this.#tick();
    });
  }

  /** Opens the connection that listens, once there is something to listen to. */
  listen(): void {
    if (this.#listener !== undefined || this.#stopped) return;
    const { keys } = this.context;
    this.#listener = this.port.listen(
      (channel) => {
        if (channel === this.inbox.channel) this.#run(this.#readInbox);
        else this.mirrors.ring(channel.slice(keys.prefix.length + 1, -3));
      },
      () => {
        this.mirrors.ringAll();
        this.#run(this.#readInbox);
      },
    );
    this.#listener.subscribe(this.inbox.channel).catch(() => undefined);
  }

  /** Ends a task that nobody runs. */
  async cancelOrphan(taskId: string, { code, message }: PublicError): Promise<void> {
    const record = await this.#readRunning(taskId);
    if (record === undefined) return;
    const outcome = { task_id: taskId, status: 'cancelled', code, reason: message };
    await this.holdings.end(record, 'cancelled', JSON.stringify(outcome));
  }

  /** Forgets what is past its retention, and ends what Redis says runs here and does not. */
  async sweep(): Promise<boolean> {
    const { keys, commands } = this.context;
    const running = this.holdings.size; // what ends meanwhile is not in the answer
    await this.holdings.reconcile();
    const { ttlMs } = this.context.settings;
    const words = await commands.run(EXPIRED, [keys.expiring], [String(BURIED_PER_SWEEP), String(ttlMs)]);
    const [left, ...gone] = words as [number, ...string[]];
    await Promise.all(gone.map((taskId) => this.#bury(taskId)));
    return left + running + this.holdings.size > 0;
  }

  async #bury(taskId: string): Promise<void> {
    const { keys, commands } = this.context;
    this.mirrors.discard(taskId);
    const owner = await commands.run(BURY, keys.ofTask(taskId), []);
    const lists = typeof owner === 'string' ? [keys.list(undefined), keys.list(owner)] : [keys.list(undefined)];
    await Promise.all(lists.map((list) => commands.send(list, 'ZREM', list, taskId)));
  }

  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#cancelTick();
    this.mirrors.close();
    if (this.context.commands.healthy) {
      await this.audience.close().catch(() => undefined);
      // What could not be ended keeps this instance's name, so that others find it.
      if (this.holdings.size === 0) await this.#leave().catch(() => undefined);
    }
    this.#listener?.close();
    this.#listener = undefined;
    this.context.commands.close();
  }

  async #leave(): Promise<void> {
    await this.holdings.reconcile(); // nobody will look at what it has noted as its own
    await this.membership.leave();
  }

  #subscribe(channel: string, taskId: string): void {
    this.#listener?.subscribe(channel).then(
      () => {
        this.mirrors.ring(taskId); // for what was rung before
      },
      () => undefined, // polling does the work
    );
  }

  #tick(): void {
    this.context.commands.resume();
    for (const job of [this.#beat, this.#watch, this.#readInbox, this.#checkMirrors, this.#tidy]) this.#run(job);
  }

  /** One at a time of each kind. Where Redis does not answer, the next tick tries again. */
  #run(job: () => Promise<unknown>): void {
    if (this.#stopped || this.#busy.has(job) || !this.context.commands.healthy) return;
    this.#busy.add(job);
    job()
      .catch(() => undefined)
      .finally(() => this.#busy.delete(job));
  }

  readonly #beat = (): Promise<void> => this.membership.beat();
  readonly #watch = (): Promise<void> => this.membership.watch();
  readonly #readInbox = (): Promise<void> => this.inbox.read();
  readonly #checkMirrors = (): Promise<void> => this.mirrors.check();
  readonly #tidy = async (): Promise<void> => {
    await this.audience.flush();
    await this.creation.undoAll();
    await this.holdings.touch();
    await this.holdings.verifySome();
  };

  #receive(message: Message): void {
    const { taskId } = message;
    if (message.kind === 'cancel') {
      this.holdings.get(taskId)?.executor.cancelRequested(message.reason);
    } else {
      const mirror = this.mirrors.get(taskId);
      mirror?.countedAll(message.subscribers, mirror.local);
    }
  }

  async #forgotten(): Promise<void> {
    for (const mirror of this.mirrors.values()) if (mirror.local > 0) this.audience.changed(mirror);
    await this.holdings.verifyAll();
  }

  async #died(name: string): Promise<boolean> {
    const { keys, commands, settings } = this.context;
    await this.audience.disband(name);
    const running = keys.running(name);
    const taskIds = (await commands.send(running, 'SMEMBERS', running)) as string[];
    let left = 0;
    for (const taskId of taskIds) {
      const record = await this.mirrors.read(taskId);
      if (record?.status !== 'running' || record.holder !== name) await this.holdings.strike(taskId, record, name);
      else if (settings.onLost === 'fail') await this.holdings.lose(record);
      else {
        left++;
        // Whoever comes back with the task's code runs it again; so its readers are sent to ask.
        if (this.mirrors.get(taskId)?.holder === name) this.mirrors.discard(taskId);
      }
    }
    return left === 0;
  }

  async #readRunning(taskId: string): Promise<RedisRecord | undefined> {
    const record = await this.mirrors.read(taskId);
    return record?.status === 'running' ? record : undefined;
  }
}
