import { createTaskStore } from '../../lib/distributed/create-task-store.js';
import type { TaskDriver } from '../../lib/distributed/port/driver.js';
import type { OpenTaskStore, StoreSettings } from '../../lib/core/ports.js';
import { recordOf } from '../contracts/store-steps.js';
import { ManualClock } from '../support/clock/manual-clock.js';
import { MapDriver, MapServer } from '../support/stores/map-driver.js';
import { storeSettings } from '../support/stores/store-fixtures.js';

const WRITES = new Set(['create', 'append', 'claim', 'orphan', 'remove', 'requestCancel', 'reportAudience', 'beat']);

/** What stands between an instance and its store. */
export interface Link {
  /** Nothing comes through, and nothing comes back. */
  isCut: boolean;
  /** The store refuses to write. */
  refusesWrites: boolean;
  /** Calls so far, by name. */
  readonly calls: Map<string, number>;
}

export interface FleetInstance {
  readonly store: OpenTaskStore;
  readonly link: Link;
  readonly driver: MapDriver;
}

/** Instances on one store of maps and one clock, which a test moves. Closing them empties the store for the next test. */
export class Fleet {
  clock = new ManualClock();
  server = new MapServer();
  instances: FleetInstance[] = [];

  open({ leaseMs = 1_000, ...changed }: Partial<StoreSettings> & { leaseMs?: number } = {}): FleetInstance {
    const driver = new MapDriver(this.server);
    const link: Link = { isCut: false, refusesWrites: false, calls: new Map() };
    const settings = storeSettings({ clock: this.clock, timeoutMs: 300, ...changed });
    const store = createTaskStore(through(driver, link), { leaseMs })(settings);
    const instance = { store, link, driver };
    this.instances.push(instance);
    return instance;
  }

  /** Lets time pass, and everything happen that is due. */
  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 50) {
      this.clock.advance(50);
      await turns(4);
    }
  }

  /** The instance is gone: it neither gives a sign of life nor hears anything. */
  kill({ link, driver }: FleetInstance): void {
    link.isCut = true;
    void driver.close();
  }

  /** The answer, while time passes as it has to. */
  async answered<T>(asking: T | Promise<T>): Promise<T> {
    const state = { isDone: false };
    const answer = Promise.resolve(asking).finally(() => (state.isDone = true));
    answer.catch(() => undefined);
    while (!state.isDone) await this.pass(50);
    return answer;
  }

  async close(): Promise<void> {
    for (const { store, link } of this.instances) {
      link.isCut = link.refusesWrites = false;
      await this.answered(store.stop?.());
    }
    this.clock = new ManualClock();
    this.server = new MapServer();
    this.instances = [];
  }
}

/** A fleet that is closed after each test. */
export function useFleet(): Fleet {
  const fleet = new Fleet();
  afterEach(() => fleet.close());
  return fleet;
}

/** The statuses of tasks as an instance reads them from the store. */
export const statusesOf = async ({ store }: FleetInstance, taskIds: readonly string[]): Promise<string[]> =>
  Promise.all(taskIds.map(async (taskId) => (await recordOf(store, { taskId })).status));

export const turns = async (count: number): Promise<void> => {
  for (let n = 0; n < count; n++) await new Promise((resolve) => setImmediate(resolve));
};

function through(driver: MapDriver, link: Link): TaskDriver {
  return new Proxy<TaskDriver>(driver, {
    get(target, name: keyof TaskDriver) {
      const call = (args: unknown[]): unknown =>
        (target[name].bind(target) as (...given: unknown[]) => unknown)(...args);
      return (...args: unknown[]) => {
        link.calls.set(name, (link.calls.get(name) ?? 0) + 1);
        if (name === 'open' || name === 'listen') return call(args);
        const refused = { kind: 'refused', passing: true, cause: new Error('READONLY') };
        const each = (answer: () => Promise<unknown>): unknown =>
          name === 'append' ? (args[0] as unknown[]).map(answer) : answer();
        if (link.isCut) return each(() => new Promise(() => undefined));
        if (!link.refusesWrites || !WRITES.has(name)) return call(args);
        return each(() => (name === 'append' ? Promise.resolve(refused) : Promise.reject(new Error('READONLY'))));
      };
    },
  });
}
