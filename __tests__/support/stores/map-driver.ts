import type { Notifications, NotificationListener, Note } from '../../../lib/distributed/port/notifications.js';
import type { DriverSettings, TaskDriver } from '../../../lib/distributed/port/driver.js';
import type { Entry } from '../../../lib/distributed/port/stored.js';
import { MapStore } from './map-store.js';

interface Listener {
  readonly listener: NotificationListener;
  readonly followed: Set<string>;
}

/** What the drivers of all instances share: the tasks, and everybody who listens. Made for one set of settings. */
export class MapServer {
  store: MapStore | undefined;
  readonly listeners = new Map<string, Listener>();

  open(settings: DriverSettings): MapStore {
    if (this.store !== undefined) return this.store;
    this.store = new MapStore(settings);
    this.store.onAppend = (taskId, entries) => {
      this.#appended(taskId, entries);
    };
    return this.store;
  }

  notify(to: string | undefined, note: Note): void {
    for (const [instance, { listener }] of this.listeners)
      if (to === undefined || to === instance) later(() => listener.noted(note));
  }

  #appended(taskId: string, entries: readonly Entry[] | undefined): void {
    for (const { listener, followed } of this.listeners.values()) {
      if (followed.has(taskId)) later(() => listener.appended(taskId, entries));
    }
  }
}

/**
 * The smallest driver there can be: one store on maps, which answers at once, in this process. It is what the rules are
 * tested on, and what another driver can be compared with.
 */
export class MapDriver implements TaskDriver {
  #store: MapStore | undefined;
  #instance = '';

  constructor(readonly server: MapServer) {}

  open(settings: DriverSettings): void {
    this.#store = this.server.open(settings);
    this.#instance = settings.instance;
  }

  create: TaskDriver['create'] = async (...args) => this.store.create(...args);
  read: TaskDriver['read'] = async (...args) => this.store.read(...args);
  look: TaskDriver['look'] = async (...args) => this.store.look(...args);
  append: TaskDriver['append'] = (batches) => batches.map(async (batch) => this.store.append(batch));
  readAfter: TaskDriver['readAfter'] = async (...args) => this.store.readAfter(...args);
  claim: TaskDriver['claim'] = async (...args) => this.store.claim(...args);
  orphan: TaskDriver['orphan'] = async (...args) => this.store.orphan(...args);
  remove: TaskDriver['remove'] = async (...args) => this.store.remove(...args);
  requestCancel: TaskDriver['requestCancel'] = async (...args) => this.store.requestCancel(...args);
  reportAudience: TaskDriver['reportAudience'] = async (...args) => this.store.reportAudience(...args);
  readAudience: TaskDriver['readAudience'] = async (...args) => this.store.readAudience(...args);
  readDeparture: TaskDriver['readDeparture'] = async (...args) => this.store.readDeparture(...args);
  beat: TaskDriver['beat'] = async (...args) => this.store.beat(...args);
  removeInstance: TaskDriver['removeInstance'] = async (...args) => this.store.removeInstance(...args);
  held: TaskDriver['held'] = async (...args) => this.store.held(...args);
  divide: TaskDriver['divide'] = async (...args) => this.store.divide(...args);
  reindex: TaskDriver['reindex'] = async (...args) => this.store.reindex(...args);
  orphans: TaskDriver['orphans'] = async (...args) => this.store.orphans(...args);
  isDue: TaskDriver['isDue'] = async (taskId) => this.store.isDue(taskId);
  list: TaskDriver['list'] = async (...args) => this.store.list(...args);
  expire: TaskDriver['expire'] = async (...args) => this.store.expire(...args);
  walk: TaskDriver['walk'] = async (...args) => this.store.walk(...args);
  notify: TaskDriver['notify'] = async (...args) => this.server.notify(...args);

  listen(listener: NotificationListener): Notifications {
    const followed = new Set<string>();
    this.server.listeners.set(this.#instance, { listener, followed });
    return {
      follow: async (taskId) => void followed.add(taskId),
      unfollow: (taskId) => void followed.delete(taskId),
      renew: () => undefined,
      close: () => void this.server.listeners.delete(this.#instance),
    };
  }

  async close(): Promise<void> {
    this.server.listeners.delete(this.#instance);
  }

  get store(): MapStore {
    if (this.#store === undefined) throw new Error('The driver has not been opened');
    return this.#store;
  }
}

/** In a turn of its own, as the port asks. */
const later = (call: () => void): void => void setImmediate(call);
