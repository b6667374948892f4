import type { Notifications, NotificationListener } from '../../../lib/distributed/port/notifications.js';
import type { Batch, Fate } from '../../../lib/distributed/port/calls.js';
import type { DriverSettings, TaskDriver } from '../../../lib/distributed/port/driver.js';
import type { Random } from '../../support/random/random.js';
import type { Machine } from './virtual-time.js';

/** The weather between an instance and the store: how likely each thing is, from 0 to 1. */
export interface Weather {
  /** Done, and nobody learns of it. */
  answerLost: number;
  /** Never done. */
  requestLost: number;
  /** Done, and done again later. */
  twice: number;
  /** Done after up to `lateMs`. */
  late: number;
  lateMs: number;
  /** A notification that nobody hears. */
  notificationLost: number;
  /** The store takes no writes, and says so; reads work. */
  refusesWrites: boolean;
  /** The store answers nobody. */
  isDown: boolean;
}

export const CALM: Weather = Object.freeze({
  ...{ answerLost: 0, requestLost: 0, twice: 0, late: 0, lateMs: 0, notificationLost: 0 },
  ...{ refusesWrites: false, isDown: false },
});

/** What travels does not change any more. */
const sealedBatch = (batch: Batch): Batch => ({ ...batch, entries: batch.entries.map((entry) => ({ ...entry })) });

/** A driver as an instance at the far end of a bad network sees it. */
export class FaultyDriver implements TaskDriver {
  readonly #inner: TaskDriver;
  weather: Weather = { ...CALM };
  instance = '';
  /** Calls so far. */
  calls = 0;

  constructor(
    inner: TaskDriver,
    readonly machine: Machine,
    readonly random: Random,
  ) {
    this.#inner = inner;
  }

  open(settings: DriverSettings): void {
    this.instance = settings.instance;
    this.#inner.open(settings);
  }

  create: TaskDriver['create'] = (...args) => this.#write(() => this.#inner.create(...args));
  read: TaskDriver['read'] = (...args) => this.#read(() => this.#inner.read(...args));
  look: TaskDriver['look'] = (...args) => this.#read(() => this.#inner.look(...args));
  readAfter: TaskDriver['readAfter'] = (...args) => this.#read(() => this.#inner.readAfter(...args));
  claim: TaskDriver['claim'] = (...args) => this.#write(() => this.#inner.claim(...args));
  orphan: TaskDriver['orphan'] = (...args) => this.#write(() => this.#inner.orphan(...args));
  remove: TaskDriver['remove'] = (...args) => this.#write(() => this.#inner.remove(...args));
  requestCancel: TaskDriver['requestCancel'] = (...args) => this.#write(() => this.#inner.requestCancel(...args));
  reportAudience: TaskDriver['reportAudience'] = (...args) => this.#write(() => this.#inner.reportAudience(...args));
  readAudience: TaskDriver['readAudience'] = (...args) => this.#read(() => this.#inner.readAudience(...args));
  readDeparture: TaskDriver['readDeparture'] = (...args) => this.#read(() => this.#inner.readDeparture(...args));
  beat: TaskDriver['beat'] = (...args) => this.#write(() => this.#inner.beat(...args));
  removeInstance: TaskDriver['removeInstance'] = (...args) => this.#write(() => this.#inner.removeInstance(...args));
  held: TaskDriver['held'] = (...args) => this.#read(() => this.#inner.held(...args));
  divide: TaskDriver['divide'] = (...args) => this.#write(() => this.#inner.divide(...args));
  reindex: TaskDriver['reindex'] = (...args) => this.#write(() => this.#inner.reindex(...args));
  orphans: TaskDriver['orphans'] = (...args) => this.#read(() => this.#inner.orphans(...args));
  isDue: TaskDriver['isDue'] = (...args) => this.#read(() => this.#inner.isDue(...args));
  list: TaskDriver['list'] = (...args) => this.#read(() => this.#inner.list(...args));
  expire: TaskDriver['expire'] = (...args) => this.#write(() => this.#inner.expire(...args));
  walk: TaskDriver['walk'] = (...args) => this.#read(() => this.#inner.walk(...args));
  notify: TaskDriver['notify'] = (...args) => this.#read(() => this.#inner.notify(...args));

  append: TaskDriver['append'] = (batches) => {
    const sealed = batches.map(sealedBatch);
    return sealed.map((batch) =>
      this.#call<Fate>(
        async () => this.#inner.append([batch])[0]!,
        () => ({ kind: 'refused', passing: true, cause: new Error('The store takes no writes') }),
      ),
    );
  };

  listen(listener: NotificationListener): Notifications {
    const heard = (call: () => void): void => {
      if (this.random.next() < this.weather.notificationLost || this.weather.isDown) return;
      this.machine.time.after(this.#delayMs(), () => this.machine.deliver(call));
    };
    return this.#inner.listen({
      appended: (taskId, entries) => heard(() => listener.appended(taskId, entries)),
      noted: (note) => heard(() => listener.noted(note)),
      missed: () => heard(() => listener.missed()),
    });
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  #read<T>(run: () => Promise<T>): Promise<T> {
    return this.#call(run, undefined, false);
  }

  #write<T>(run: () => Promise<T>): Promise<T> {
    return this.#call(run, undefined);
  }

  /** @param refusal what the store answers while it takes no writes; undefined: it rejects */
  #call<T>(run: () => Promise<T>, refusal: (() => T) | undefined, isWrite = true): Promise<T> {
    this.calls++;
    const { machine, random, weather } = this;
    return new Promise<T>((resolve, reject) => {
      const answer = (fn: () => void): void => {
        const ms = this.#delayMs();
        if (ms === 0) machine.deliver(fn);
        else machine.time.after(ms, () => machine.deliver(fn));
      };
      const fail = (text: string): void => {
        // Some connections break, others just never say anything again.
        if (random.next() < 0.7) answer(() => reject(new Error(text)));
      };
      if (weather.isDown || random.next() < weather.requestLost) {
        fail('The request was lost');
        return;
      }
      const isLost = random.next() < weather.answerLost;
      const isTwice = random.next() < weather.twice;
      const lateMs = random.next() < weather.late ? random.int(0, weather.lateMs) : 0;
      machine.time.after(this.#delayMs() + lateMs, () => {
        if (isWrite && this.weather.refusesWrites) {
          if (refusal === undefined) answer(() => reject(new Error('The store takes no writes')));
          else answer(() => resolve(refusal()));
          return;
        }
        const result = run();
        if (isTwice) machine.time.after(random.int(1, 2_000), () => void run().catch(() => undefined));
        if (isLost) fail('The answer was lost');
        else
          result.then(
            (value) => answer(() => resolve(value)),
            (error: unknown) => answer(() => reject(error)),
          );
      });
    });
  }

  #delayMs(): number {
    return this.random.next() < 0.8 ? 0 : this.random.int(1, 20);
  }
}
