/** Tests that a driver tells instances of new events and notes. */
import { expect } from '../expect.js';
import type { Bell, Ears, Note } from '../../distributed/port/bell.js';
import type { TaskDriver } from '../../distributed/port/driver.js';
import { START, type Entry } from '../../distributed/port/stored.js';
import { until } from '../until.js';
import { append, batchOf, created, ended, entryAfter, TTL_MS, type DriverSuite } from './steps.js';

/** Makes calls from within which no ears may be called. */
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
class RecordingEars implements Ears {
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

export function describeDriverBell({ describe, it, open, atEnd }: DriverSuite): void {
  describe('the bell', () => {
    const caller = new Caller();
    const { calling } = caller;
    const listen = (driver: TaskDriver): { ears: RecordingEars; bell: Bell } => {
      const ears = new RecordingEars(caller);
      const bell = driver.listen(ears);
      atEnd(() => bell.close());
      return { ears, bell };
    };

    it('tells that a followed log has grown', async () => {
      const { one, two } = await open();
      const { taskId } = await created(one);
      const { ears, bell } = listen(two);
      await bell.follow(taskId);
      const before = ears.misses;
      const entry = entryAfter(START, ['{"n":1}']);
      await append(one, batchOf(taskId, [entry]));
      await until(() => ears.grown.includes(taskId) || ears.misses > before);
      for (const heard of ears.entries) expect(heard).toEqual(entry);
    });

    it('tells of a batch that is too large for it all the same', async () => {
      const { one, two } = await open();
      const { taskId } = await created(one);
      const { ears, bell } = listen(two);
      await bell.follow(taskId);
      const before = ears.misses;
      await append(one, batchOf(taskId, [entryAfter(START, [`"${'x'.repeat(100_000)}"`])]));
      await until(() => ears.grown.includes(taskId) || ears.misses > before);
    });

    it('tells that a followed task was forgotten', async () => {
      const { one, two, advance } = await open();
      const { taskId } = await ended(one);
      const { ears, bell } = listen(two);
      await bell.follow(taskId);
      await advance(TTL_MS + 1);
      const [grown, misses] = [ears.grown.length, ears.misses];
      await one.expire(9);
      await until(() => ears.grown.length > grown || ears.misses > misses);
    });

    it('is silent about a task that is followed no more, until it is followed again', async () => {
      const { one, two } = await open();
      const [left, kept] = [await created(one), await created(one)];
      const { ears, bell } = listen(two);
      for (const { taskId } of [left, left, kept]) await bell.follow(taskId);
      bell.unfollow(left.taskId);
      const first = entryAfter(START, ['1']);
      const hears = async (taskId: string, entries: readonly Entry[]): Promise<void> => {
        const before = ears.misses;
        for (const each of new Set([left.taskId, taskId])) await append(one, batchOf(each, entries));
        await until(() => ears.grown.includes(taskId) || ears.misses > before);
      };
      await hears(kept.taskId, [first]);
      expect(ears.grown).not.toContain(left.taskId);
      await bell.follow(left.taskId);
      await hears(left.taskId, [entryAfter(first.place, ['2'])]);
    });

    it('carries notes of every kind to one instance or to all, the sender included', async () => {
      const { one, two } = await open();
      const [first, second] = [listen(one), listen(two)];
      const isHeard = ({ notes, misses }: RecordingEars, kind: string): boolean =>
        notes.some((note) => note.kind === kind) || misses > 0;
      for (const note of NOTES) {
        await until(async () => {
          await one.ring('one', note);
          return isHeard(first.ears, note.kind);
        });
      }
      expect(second.ears.notes).toEqual([]);
      for (const note of NOTES) {
        await until(async () => {
          await two.ring(undefined, note);
          return isHeard(first.ears, note.kind) && isHeard(second.ears, note.kind);
        });
      }
      for (const heard of [...first.ears.notes, ...second.ears.notes])
        expect(heard).toEqual(NOTES.find(({ kind }) => kind === heard.kind));
    });

    it('rings in a turn of its own, never from within a call', async () => {
      const { one, two } = await open();
      const { taskId } = await created(one);
      const listeners = [listen(one), listen(two)];
      const note: Note = { kind: 'orphan', handler: 'name:a' };
      let place = START;
      for (const { bell } of listeners) await calling('follow', () => bell.follow(taskId));
      await until(async () => {
        const entry = entryAfter(place, ['1']);
        place = entry.place;
        await Promise.all(calling('append', () => one.append([batchOf(taskId, [entry])])));
        await calling('ring', () => one.ring(undefined, note));
        return listeners.every(({ ears: { grown, notes, misses } }) => misses > 0 || (grown[0] && notes[0]));
      });
      for (const { bell } of listeners) calling('renew', () => bell.renew());
      for (const { bell } of listeners) calling('unfollow', () => bell.unfollow(taskId));
      expect(listeners.flatMap(({ ears }) => ears.within)).toEqual([]);
    });

    it('goes on after it was renewed', async () => {
      const { one, two } = await open();
      const { taskId } = await created(one);
      const { ears, bell } = listen(two);
      await bell.follow(taskId);
      bell.renew();
      let place = START;
      await until(async () => {
        const entry = entryAfter(place, ['1']);
        place = entry.place;
        await append(one, batchOf(taskId, [entry]));
        return ears.grown.length + ears.misses > 0;
      });
    });

    it('is silent once it is closed', async () => {
      const { one, two } = await open();
      const { taskId } = await created(one);
      const closed = listen(two);
      const other = listen(one);
      await Promise.all([closed.bell.follow(taskId), other.bell.follow(taskId)]);
      closed.bell.close();
      const before = [closed.ears.grown.length, closed.ears.misses];
      const heard = other.ears.grown.length + other.ears.misses;
      await append(one, batchOf(taskId, [entryAfter(START, ['1'])]));
      await until(() => other.ears.grown.length + other.ears.misses > heard);
      expect([closed.ears.grown.length, closed.ears.misses]).toEqual(before);
    });
  });
}
