/** Implements the driver port on Redis, by handing each call to one of the parts. */
import { unavailable } from '../core/errors.js';
import type { Notifications, NotificationListener, Note } from '../distributed/port/notifications.js';
import { isTask, type Claim, type Claimed, type Fate } from '../distributed/port/calls.js';
import type { DriverSettings, TaskDriver } from '../distributed/port/driver.js';
import { SCHEMA, type Entry, type Place, type StoredTask, type TaskState } from '../distributed/port/stored.js';
import { Appender } from './appender.js';
import { Audience } from './audience.js';
import { RedisNotifications } from './notifications.js';
import type { RedisPort } from './clients/client-port.js';
import { Commands } from './clients/commands.js';
import { Creation } from './creation.js';
import { Fleet } from './fleet.js';
import { Indexes } from './indexes.js';
import { Keys } from './keys.js';
import { idAfter, parseEntry } from './log-entry.js';
import { CLAIM } from './scripts/log-scripts.js';
import { allDone, textsOf, type Reply } from './clients/replies.js';
import { parseTask } from './task-hash.js';
import { TaskReader } from './task-reader.js';
import * as scripts from './scripts/task-scripts.js';

/** Keeps shared tasks in Redis: knows keys, scripts and clients, and nothing of what they are for. */
export class RedisDriver implements TaskDriver {
  readonly #keys: Keys;
  #parts: Parts | undefined;
  /** Tells whether the client and the schema of the keys have been looked at; pending while that is under way. */
  #checked: Promise<void> | boolean = false;

  constructor(
    readonly port: RedisPort,
    prefix: string,
  ) {
    this.#keys = new Keys(prefix);
  }

  open(settings: DriverSettings): void {
    const keys = this.#keys;
    const commands = new Commands(this.port, settings.clock, settings.timeoutMs);
    const reader = new TaskReader(commands, keys);
    const indexes = new Indexes(commands, keys, settings);
    this.#parts = {
      commands,
      reader,
      indexes,
      settings,
      appender: new Appender(commands, keys, indexes, settings),
      audience: new Audience(commands, keys, settings.runningTtlMs),
      creation: new Creation(commands, keys, indexes, reader, settings),
      fleet: new Fleet(commands, keys, indexes, reader, settings),
    };
  }

  create: TaskDriver['create'] = async (...args) => (await this.#ready()).creation.create(...args);
  read: TaskDriver['read'] = async (...args) => (await this.#ready()).reader.read(...args);
  look: TaskDriver['look'] = async (...args) => (await this.#ready()).reader.look(...args);
  list: TaskDriver['list'] = async (...args) => (await this.#ready()).reader.list(...args);
  walk: TaskDriver['walk'] = async (...args) => (await this.#ready()).reader.walk(...args);
  reportAudience: TaskDriver['reportAudience'] = async (...args) => (await this.#ready()).audience.report(...args);
  readAudience: TaskDriver['readAudience'] = async (...args) => (await this.#ready()).audience.read(...args);
  readDeparture: TaskDriver['readDeparture'] = async (...args) => (await this.#ready()).audience.readDeparture(...args);
  beat: TaskDriver['beat'] = async (...args) => (await this.#ready()).fleet.beat(...args);
  removeInstance: TaskDriver['removeInstance'] = async (...args) => (await this.#ready()).fleet.removeInstance(...args);
  held: TaskDriver['held'] = async (...args) => (await this.#ready()).fleet.held(...args);
  divide: TaskDriver['divide'] = async (...args) => (await this.#ready()).fleet.divide(...args);
  reindex: TaskDriver['reindex'] = async (...args) => (await this.#ready()).fleet.reindex(...args);
  orphans: TaskDriver['orphans'] = async (...args) => (await this.#ready()).fleet.orphans(...args);
  isDue: TaskDriver['isDue'] = async (...args) => (await this.#ready()).fleet.isDue(...args);
  expire: TaskDriver['expire'] = async (...args) => (await this.#ready()).fleet.expire(...args);

  append: TaskDriver['append'] = (batches) => {
    if (this.#checked === true) return this.#opened.appender.append(batches);
    const appending = this.#ready().then(({ appender }) => appender.append(batches));
    return batches.map(async (_, index) => (await appending)[index] as Promise<Fate>);
  };

  async readAfter(taskId: string, after: Pick<Place, 'token' | 'seq'>, limit: number): Promise<readonly Entry[]> {
    const { commands } = await this.#ready();
    const key = this.#keys.events(taskId);
    const found = await commands.send(key, 'XRANGE', key, idAfter(after), '+', 'COUNT', String(limit));
    return (found as readonly [string, [string, string]][]).map(([id, [, text]]) => parseEntry(id, text));
  }

  async claim(claim: Claim): Promise<Claimed> {
    const { commands, indexes, settings } = await this.#ready();
    const { taskId, expected, instance, token, attempt, nonce, ending } = claim;
    const texts = [String(expected.token), expected.holder ?? '', instance, String(token), String(attempt), nonce];
    const numbers = [settings.clock.wallNow(), settings.runningTtlMs, settings.ttlMs, SCHEMA].map(String);
    const { status = '', outcome = '', text = '', bytes = 0 } = ending ?? {};
    // Held first: whoever dies in between has left word that it is to be looked after.
    const steps = ending === undefined ? indexes.held(taskId, instance) : [];
    const args = [...texts, ...numbers, status, outcome, text, String(bytes)];
    steps.push(commands.run(CLAIM, this.#keys.ofTask(taskId), args));
    const [kind, more] = (await allDone(steps)).at(-1) as readonly Reply[];
    if (kind !== 'won') {
      const running = this.#keys.running(instance);
      if (more !== instance) await commands.send(running, 'ZREM', running, taskId);
      return { lost: kind as 'taken' | 'ended' | 'gone' };
    }
    const won = parseTask(taskId, more, { input: true, progress: true }) as StoredTask;
    const before = expected.holder === instance ? undefined : expected.holder;
    const isOver = won.status !== 'running';
    await allDone(isOver ? indexes.ended(won, won.status, [before, instance]) : indexes.claimed(won, before));
    return { won };
  }

  async orphan(taskId: string, expected: Claim['expected'], delayMs: number, losses?: number): Promise<boolean> {
    const { commands, indexes, settings } = await this.#ready();
    const args = [String(expected.token), expected.holder ?? '', String(losses ?? '')];
    const [done, handler] = textsOf(await commands.run(scripts.ORPHAN, this.#keys.ofTask(taskId), args));
    if (done !== '1') return false;
    const holders = [settings.instance, ...(expected.holder === undefined ? [] : [expected.holder])];
    await allDone(indexes.orphaned({ taskId, handler }, holders, delayMs));
    return true;
  }

  async remove(taskId: string): Promise<void> {
    const { creation, reader } = await this.#ready();
    const task = await reader.read({ taskId });
    if (task?.status === 'running') await creation.remove(task, task.holder);
  }

  async requestCancel(taskId: string, reason: string): Promise<TaskState | undefined> {
    const { commands } = await this.#ready();
    const task = parseTask(taskId, await commands.run(scripts.CANCEL, this.#keys.ofTask(taskId), [reason]));
    return isTask(task) ? task : undefined;
  }

  async notify(to: string | undefined, note: Note): Promise<void> {
    const channel = this.#keys.notifications(to);
    await (await this.#ready()).commands.send(channel, 'PUBLISH', channel, JSON.stringify(note));
  }

  listen(listener: NotificationListener): Notifications {
    return new RedisNotifications(this.port, this.#keys, this.#opened.settings.instance, listener);
  }

  close(): Promise<void> {
    this.#opened.commands.close();
    return Promise.resolve();
  }

  get #opened(): Parts {
    if (this.#parts === undefined) throw unavailable('The store has not been opened');
    return this.#parts;
  }

  async #ready(): Promise<Parts> {
    const parts = this.#opened;
    if (this.#checked === false) {
      this.#checked = parts.fleet.check().then(
        () => void (this.#checked = true),
        (error: unknown) => {
          this.#checked = false;
          throw error;
        },
      );
    }
    await this.#checked;
    return parts;
  }
}

interface Parts {
  readonly settings: DriverSettings;
  readonly commands: Commands;
  readonly reader: TaskReader;
  readonly indexes: Indexes;
  readonly appender: Appender;
  readonly audience: Audience;
  readonly creation: Creation;
  readonly fleet: Fleet;
}
