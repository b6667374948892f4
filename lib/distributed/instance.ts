/** Puts the parts of one instance together: its copies, its writers, and its part in the fleet. */
import { randomUUID } from 'node:crypto';
import type { StoreSettings } from '../core/ports.js';
import { TimeLimit } from '../core/store/time-limit.js';
import { ignore } from '../core/optional-promise.js';
import { Appender } from './writing/appender.js';
import { Audience } from './fleet/audience.js';
import type { Note } from './port/notifications.js';
import { Claims } from './fleet/claims.js';
import { beatMsOf, runningTtlOf, type Context } from './context.js';
import type { TaskDriver } from './port/driver.js';
import { NotificationMonitor } from './copies/notification-monitor.js';
import { Liveness } from './fleet/liveness.js';
import { CopyRegistry } from './copies/copy-registry.js';
import { Orphanage } from './fleet/orphanage.js';
import { OwnedTasks } from './writing/owned-tasks.js';
import { Recovery } from './fleet/recovery.js';
import { Retries } from './writing/retries.js';
import { TaskReader } from './task-reader.js';
import { isKnownSchema } from './port/schema.js';
import { withTimeLimit } from './port/time-limited-driver.js';
import { Turn } from './turn.js';

/** The number of ended tasks that a sweep forgets at a time, and of tasks that it walks over. */
const SWEPT = 500;
/** While notifications are heard, which is tried once per lease, everything is looked at once in so many leases. */
const LOOK_LEASES = 3;

/** One instance among those that serve the same tasks: its parts, and the clock that drives them. */
export class Instance {
  readonly context: Context;
  readonly liveness: Liveness;
  readonly audience: Audience;
  readonly reader: TaskReader;
  readonly copies: CopyRegistry;
  readonly owned: OwnedTasks;
  readonly claims: Claims;
  readonly recovery: Recovery;
  readonly orphanage: Orphanage;
  readonly notificationMonitor: NotificationMonitor;
  readonly #cancelTick: () => void;
  /** Jobs of a tick that are still at it. */
  readonly #busy = new Set<() => Promise<unknown>>();
  /** The times of the last look at everything that nobody here knows to be alive, and of the last look at everything. */
  #checkedMs = -Infinity;
  #lookedMs = -Infinity;
  #doubted = false;
  #walkedTo: string | undefined;
  #stopped = false;

  constructor(driver: TaskDriver, settings: StoreSettings, leaseMs: number) {
    const { clock, timeoutMs, ttlMs, log: limits, maxTasksPerOwner } = settings;
    const instance = randomUUID();
    const runningTtlMs = runningTtlOf(ttlMs, leaseMs);
    driver.open({ instance, clock, ttlMs, runningTtlMs, limits, maxTasksPerOwner, timeoutMs });
    const limit = new TimeLimit(clock, timeoutMs);
    const limited = withTimeLimit(driver, limit);
    const context = { instance, driver: limited, settings, leaseMs, beatMs: beatMsOf(leaseMs), runningTtlMs };
    this.context = context;
    this.liveness = new Liveness(context, {
      doubted: () => {
        this.#doubted = true;
      },
      died: (name, count) => void this.recovery.inherit(name, count).catch(ignore),
      left: () => this.owned.audiences.noteAll(),
    });
    const turn = new Turn(clock);
    this.audience = new Audience(context, this.liveness, turn);
    const localSubscribers = (taskId: string): number => this.copies.get(taskId)?.local ?? 0;
    this.reader = new TaskReader(context, this.liveness, this.audience, localSubscribers);
    this.notificationMonitor = new NotificationMonitor(context, {
      appended: (taskId, entries) => this.copies.appended(taskId, entries),
      noted: (note) => this.#noted(note),
      missed: () => this.#run(this.#look),
    });
    this.copies = new CopyRegistry(context, {
      follow: (taskId) => this.notificationMonitor.follow(taskId),
      unfollow: (taskId) => this.notificationMonitor.unfollow(taskId),
      audienceChanged: (copy) => this.audience.changed(copy),
      added: (copy) => this.owned.attach(copy),
      read: (taskId) => this.reader.read(taskId, { snapshot: true }),
      isAlive: (holder) => holder !== undefined && !this.liveness.isDead(holder),
      seen: (state) => void this.recovery.seen(state).catch(ignore),
    });
    this.claims = new Claims(context);
    this.owned = new OwnedTasks(context, {
      appender: new Appender(driver, limit),
      retries: new Retries(clock),
      turn,
      liveness: this.liveness,
      copies: this.copies,
      audience: this.audience,
      claims: this.claims,
    });
    this.recovery = new Recovery(context, this);
    this.orphanage = new Orphanage(context, this);
    this.#cancelTick = clock.every(context.beatMs, () => this.#tick());
  }

  /** Forgets what is past its retention, and finds what every index has lost. True while anything is kept. */
  async sweep(): Promise<boolean> {
    const { driver, instance } = this.context;
    const running = this.owned.size; // what ends meanwhile is not in the answer
    await this.recovery.reconcile();
    await this.orphanage.expire();
    const left = await this.#expire();
    const { tasks, next } = await driver.walk(this.#walkedTo, SWEPT);
    this.#walkedTo = next;
    await this.recovery.settleLost(tasks);
    if (tasks.length > 0) await this.audience.correct(tasks, (taskId) => this.copies.get(taskId));
    // A task of a newer version is renewed by that version alone, because nobody else could ever end it.
    const known = tasks.filter(({ schema }) => isKnownSchema(schema));
    const unheld = known.filter((task) => task.status !== 'running' || task.holder === undefined);
    if (unheld.length > 0)
      await driver.reindex(
        instance,
        unheld.map(({ taskId }) => taskId),
      );
    return left + tasks.length + running + this.owned.size > 0;
  }

  /** Forgets all that is past its retention, however much that is, a page at a time. Returns how much is left, or 0. */
  async #expire(): Promise<number> {
    for (;;) {
      const { gone, left } = await this.context.driver.expire(SWEPT);
      for (const taskId of gone) this.copies.discard(taskId);
      if (gone.length < SWEPT) return left;
    }
  }

  /** Leaves for good. What could not be ended keeps this instance's name, so that others find it. */
  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#cancelTick();
    await this.audience.leave(this.copies.values()).catch(ignore);
    this.copies.close();
    await this.audience.flush().catch(ignore);
    if (this.owned.size === 0) await this.#leave().catch(ignore);
    this.notificationMonitor.close();
    await this.context.driver.close().catch(ignore);
  }

  async #leave(): Promise<void> {
    await this.recovery.reconcile(); // nobody else will look at what it has noted as its own
    await this.liveness.leave();
  }

  #noted(note: Note): void {
    switch (note.kind) {
      case 'cancel':
        this.owned.cancelNoted(note.taskId).catch(ignore); // it is read again with the next look
        break;
      case 'audience':
        this.owned.audiences.note(note.taskId);
        break;
      case 'orphan':
        if (this.context.settings.orphanRunner.handlers.includes(note.handler)) this.#run(this.#lookForOrphansNow);
        break;
      case 'echo':
        break;
    }
  }

  #tick(): void {
    const now = this.context.settings.clock.now();
    this.notificationMonitor.check();
    for (const job of [this.#beat, this.#tend, this.#settleUndecided, this.#lookForOrphans]) this.#run(job);
    const { leaseMs } = this.context;
    if (this.notificationMonitor.isSilent || now - this.#lookedMs >= LOOK_LEASES * leaseMs) {
      this.#lookedMs = this.#checkedMs = now;
      this.#run(this.#look);
    } else if (now - this.#checkedMs >= leaseMs) {
      this.#checkedMs = now;
      this.#run(this.#lookAtLost);
    }
  }

  /** One at a time of each kind. Where the store does not answer, the next tick tries again. */
  #run(job: () => Promise<unknown>): void {
    if (this.#stopped || this.#busy.has(job)) return;
    this.#busy.add(job);
    job()
      .catch(ignore)
      .finally(() => this.#busy.delete(job));
  }

  readonly #beat = async (): Promise<void> => {
    await this.liveness.beat();
    if (!this.#doubted) return;
    // After a silence of the instance, or a failure of the store, it asks what it holds before anything runs on.
    for (const copy of this.copies.values()) if (copy.local > 0) this.audience.changed(copy);
    await this.owned.verifyAll();
    this.#doubted = false;
  };

  readonly #settleUndecided = (): Promise<void> => this.recovery.settleUndecided();

  readonly #tend = async (): Promise<void> => {
    this.copies.dropIdle();
    await this.owned.tend();
    await this.audience.flush();
  };

  readonly #look = async (): Promise<void> => {
    await this.copies.check();
    this.owned.audiences.noteAll();
    await this.owned.audiences.recount();
    await this.owned.verifyAll();
  };

  readonly #lookAtLost = async (): Promise<void> => {
    await this.copies.checkLost();
    await this.owned.audiences.recount();
  };

  readonly #lookForOrphans = (): Promise<void> => this.orphanage.look(false);
  readonly #lookForOrphansNow = (): Promise<void> => this.orphanage.look(true);
}
