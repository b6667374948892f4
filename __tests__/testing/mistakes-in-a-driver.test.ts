import type { Notifications, NotificationListener } from '../../lib/distributed/port/notifications.js';
import type { TaskDriver } from '../../lib/distributed/port/driver.js';
import type { Entry } from '../../lib/distributed/port/stored.js';
import { describeTaskDriver, DRIVER_TTL_MS } from '../../lib/testing/index.js';
import { ManualClock } from '../support/clock/manual-clock.js';
import { MapDriver, MapServer } from '../support/stores/map-driver.js';

/** It notifies of a task for ever. */
class NeverUnfollows extends MapDriver {
  override listen(listener: NotificationListener): Notifications {
    return { ...super.listen(listener), unfollow: () => undefined };
  }
}

/** It counts how often a task is followed. */
class CountsFollowing extends MapDriver {
  override listen(listener: NotificationListener): Notifications {
    const notifications = super.listen(listener);
    let times = 0;
    return {
      ...notifications,
      follow: (taskId) => (times++, notifications.follow(taskId)),
      unfollow: (taskId) => {
        if (--times === 0) notifications.unfollow(taskId);
      },
    };
  }
}

class NotifiesAtOnce extends MapDriver {
  override notify: TaskDriver['notify'] = async (_to, note) => {
    for (const { listener } of this.server.listeners.values()) listener.noted(note);
  };
}

class TellsAtOnce extends MapDriver {
  override listen(listener: NotificationListener): Notifications {
    this.store.onAppend = (taskId: string, entries: readonly Entry[] | undefined) => {
      for (const each of this.server.listeners.values()) each.listener.appended(taskId, entries);
    };
    return super.listen(listener);
  }
}

class LosesCancelNotes extends MapDriver {
  override notify: TaskDriver['notify'] = async (to, note) => {
    if (note.kind !== 'cancel') this.server.notify(to, note);
  };
}

class ReportsTheFirst extends MapDriver {
  override reportAudience: TaskDriver['reportAudience'] = async (reports) =>
    this.store.reportAudience(reports.slice(0, 1));
}

class ReadsTheFirst extends MapDriver {
  override readAudience: TaskDriver['readAudience'] = async ([first, ...others]) => [
    ...this.store.readAudience(first === undefined ? [] : [first]),
    ...others.map(() => []),
  ];
}

class RepairsTheFirst extends MapDriver {
  override reindex: TaskDriver['reindex'] = async (instance, taskIds) =>
    this.store.reindex(instance, taskIds.slice(0, 1));
}

/** The tests of the suite for drivers over drivers of a class, by their names. */
function testsOf(Driver: typeof MapDriver): ReadonlyMap<string, () => Promise<void>> {
  const tests = new Map<string, () => Promise<void>>();
  const clock = new ManualClock();
  describeTaskDriver(
    'a mistake',
    ({ limits = { maxEvents: 10_000, maxBytes: 1_048_576 }, maxTasksPerOwner = Infinity } = {}) => {
      const server = new MapServer();
      const [one, two] = ['one', 'two'].map((instance) => {
        const driver = new Driver(server);
        const ttlMs = DRIVER_TTL_MS;
        driver.open({ instance, clock, ttlMs, runningTtlMs: ttlMs, limits, maxTasksPerOwner, timeoutMs: 2_000 });
        return driver;
      }) as [MapDriver, MapDriver];
      return { one, two, advance: (ms) => clock.advance(ms), close: () => undefined };
    },
    { describe: (_name, suite) => suite(), it: (name, test) => tests.set(name, test) },
  );
  return tests;
}

const SILENT = 'is silent about a task that is followed no more, until it is followed again';
const OWN_TURN = 'notifies in a turn of its own, never from within a call';
const NOTES = 'carries notes of every kind to one instance or to all, the sender included';
const MANY = 'are told and asked of many tasks in one call';
const REPAIR = 'have the index of many tasks repaired in one call';

describe('The suite for drivers finds', () => {
  beforeEach(() => jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'] }));
  afterEach(() => jest.useRealTimers());

  it.each<[what: string, foundBy: string, Driver: typeof MapDriver]>([
    ['notifications of a task that never end', SILENT, NeverUnfollows],
    ['notifications that count how often a task is followed', SILENT, CountsFollowing],
    ['notes that are heard from within `notify`', OWN_TURN, NotifiesAtOnce],
    ['entries that are heard from within `append`', OWN_TURN, TellsAtOnce],
    ['notes of a cancel that are lost', NOTES, LosesCancelNotes],
    ['reports of which the first alone is kept', MANY, ReportsTheFirst],
    ['tasks of which the first alone is asked after', MANY, ReadsTheFirst],
    ['tasks of which the first alone is repaired', REPAIR, RepairsTheFirst],
  ])('%s', async (_what, foundBy, Driver) => {
    const run = async (each: typeof MapDriver): Promise<unknown> => {
      let outcome: string | undefined;
      testsOf(each).get(foundBy)!().then(
        () => (outcome = 'passed'),
        () => (outcome = 'found'),
      );
      while (outcome === undefined) {
        await new Promise(setImmediate);
        jest.advanceTimersByTime(5);
      }
      return outcome;
    };
    expect(await run(MapDriver)).toBe('passed');
    expect(await run(Driver)).toBe('found');
  });
});
