/** Tests that a driver tells instances of new events and notes. */
import { expect } from '../expect.js';
import type { Notifications, NotificationListener, Note } from '../../distributed/port/notifications.js';
import type { TaskDriver } from '../../distributed/port/driver.js';
import { START, type Entry } from '../../distributed/port/stored.js';
import { until } from '../until.js';
import { append, batchOf, created, ended, entryAfter, TTL_MS, type DriverSuite } from './steps.js';

/** Makes calls from within which no listener may be called. */
class Caller {
  /** The call that is being made at present. */
  present: string | undefined;

  readonly calling = <T>(name: string, call: () => T): T => {
    this.present = name;
    try {
      return call();
    } finally {
      this.present = undefined;
    }
  };
}

/** Notes what it hears. Hearing that anything may have happened counts as hearing everything. */
class RecordingListener implements NotificationListener {
  readonly grown: string[] = [];
  readonly entries: Entry[] = [];
  readonly notes: Note[] = [];
  misses = 0;
  /** The calls from within which it has heard something. */
  readonly within: string[] = [];

  constructor(readonly caller: Caller) {}

  appended(taskId: string, entries: readonly Entry[] | undefined): void {
    this.#hear();
    this.grown.push(taskId);
    this.entries.push(...(entries ?? []));
  }

  noted(note: Note): void {
    this.#hear();
    this.notes.push(note);
  }

  missed(): void {
    this.#hear();
    this.misses++;
  }

  #hear(): void {
    const { present } = this.caller;
    if (present !== undefined) this.within.push(present);
  }
}

const NOTES: readonly Note[] = [
  { kind: 'echo', nonce: 'mine' },
  { kind: 'cancel', taskId: 'a task' },
  { kind: 'audience', taskId: 'a task' },
  { kind: 'orphan', handler: 'name:a' },
];

export function describeDriverNotifications({ describe, it, open, atEnd }: DriverSuite): void {
  describe('notifications', () => {
    const caller = new Caller();
    const { calling } = caller;
    const listen = (driver: TaskDriver): { listener: RecordingListener; notifications: Notifications } => {
      const listener = new RecordingListener(caller);
      const notifications = driver.listen(listener);
      atEnd(() => notifications.close());
      return { listener, notifications };
    };

    /** Appends `entry` on one driver to a new task that the other follows, until that has heard of it. */
    const hearOf = async (entry: Entry): Promise<RecordingListener> => {
      const { one, two } = await open();
      const { taskId } = await created(one);
      const { listener, notifications } = listen(two);
      await notifications.follow(taskId);
      const before = listener.misses;
      await append(one, batchOf(taskId, [entry]));
      await until(() => listener.grown.includes(taskId) || listener.misses > before);
      return listener;
    };

    it('tells that a followed log has grown', async () => {
      const entry = entryAfter(START, ['{"n":1}']);
      const { entries } = await hearOf(entry);
      for (const heard of entries) expect(heard).toEqual(entry);
    });

    it('tells of a batch that is too large for it all the same', async () => {
      await hearOf(entryAfter(START, [`"${'x'.repeat(100_000)}"`]));
    });

    it('tells that a followed task was forgotten', async () => {
      const { one, two, advance } = await open();
      const { taskId } = await ended(one);
      const { listener, notifications } = listen(two);
      await notifications.follow(taskId);
      await advance(TTL_MS + 1);
      const [grown, misses] = [listener.grown.length, listener.misses];
      await one.expire(9);
      await until(() => listener.grown.length > grown || listener.misses > misses);
    });

    it('is silent about a task that is followed no more, until it is followed again', async () => {
      const { one, two } = await open();
      const [left, kept] = [await created(one), await created(one)];
      const { listener, notifications } = listen(two);
      for (const { taskId } of [left, left, kept]) await notifications.follow(taskId);
      notifications.unfollow(left.taskId);
      const first = entryAfter(START, ['1']);
      const hears = async (taskId: string, entries: readonly Entry[]): Promise<void> => {
        const before = listener.misses;
        for (const each of new Set([left.taskId, taskId])) await append(one, batchOf(each, entries));
        await until(() => listener.grown.includes(taskId) || listener.misses > before);
      };
      await hears(kept.taskId, [first]);
      expect(listener.grown).not.toContain(left.taskId);
      await notifications.follow(left.taskId);
      await hears(left.taskId, [entryAfter(first.place, ['2'])]);
    });

    it('carries notes of every kind to one instance or to all, the sender included', async () => {
      const { one, two } = await open();
      const [first, second] = [listen(one), listen(two)];
      const isHeard = ({ notes, misses }: RecordingListener, kind: string): boolean =>
        notes.some((note) => note.kind === kind) || misses > 0;
      for (const note of NOTES) {
        await until(async () => {
          await one.notify('one', note);
          return isHeard(first.listener, note.kind);
        });
      }
      expect(second.listener.notes).toEqual([]);
      for (const note of NOTES) {
        await until(async () => {
          await two.notify(undefined, note);
          return isHeard(first.listener, note.kind) && isHeard(second.listener, note.kind);
        });
      }
      for (const heard of [...first.listener.notes, ...second.listener.notes])
        expect(heard).toEqual(NOTES.find(({ kind }) => kind === heard.kind));
    });

    it('notifies in a turn of its own, never from within a call', async () => {
      const { one, two } = await open();
      const { taskId } = await created(one);
      const listeners = [listen(one), listen(two)];
      const note: Note = { kind: 'orphan', handler: 'name:a' };
      let place = START;
      for (const { notifications } of listeners) await calling('follow', () => notifications.follow(taskId));
      await until(async () => {
        const entry = entryAfter(place, ['1']);
        place = entry.place;
        await Promise.all(calling('append', () => one.append([batchOf(taskId, [entry])])));
        await calling('notify', () => one.notify(undefined, note));
        return listeners.every(({ listener: { grown, notes, misses } }) => misses > 0 || (grown[0] && notes[0]));
      });
      for (const { notifications } of listeners) calling('renew', () => notifications.renew());
      for (const { notifications } of listeners) calling('unfollow', () => notifications.unfollow(taskId));
      expect(listeners.flatMap(({ listener }) => listener.within)).toEqual([]);
    });

    it('goes on after it was renewed', async () => {
      const { one, two } = await open();
      const { taskId } = await created(one);
      const { listener, notifications } = listen(two);
      await notifications.follow(taskId);
      notifications.renew();
      let place = START;
      await until(async () => {
        const entry = entryAfter(place, ['1']);
        place = entry.place;
        await append(one, batchOf(taskId, [entry]));
        return listener.grown.length + listener.misses > 0;
      });
    });

    it('is silent once it is closed', async () => {
      const { one, two } = await open();
      const { taskId } = await created(one);
      const closed = listen(two);
      const other = listen(one);
      await Promise.all([closed.notifications.follow(taskId), other.notifications.follow(taskId)]);
      closed.notifications.close();
      const before = [closed.listener.grown.length, closed.listener.misses];
      const heard = other.listener.grown.length + other.listener.misses;
      await append(one, batchOf(taskId, [entryAfter(START, ['1'])]));
      await until(() => other.listener.grown.length + other.listener.misses > heard);
      expect([closed.listener.grown.length, closed.listener.misses]).toEqual(before);
    });
  });
}
