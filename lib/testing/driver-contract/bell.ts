/** Tests that a driver tells instances of new events and notes. */
import { expect } from '../expect.js';
import type { Bell, Ears, Note } from '../../distributed/port/bell.js';
import type { TaskDriver } from '../../distributed/port/driver.js';
import { START, type Entry } from '../../distributed/port/stored.js';
import { until } from '../until.js';
import { append, batchOf, created, ended, entryAfter, TTL_MS, type DriverSuite } from './steps.js';

/** Notes what it hears. Hearing that anything may have happened counts as hearing everything. */
class RecordingEars implements Ears {
  readonly grown: string[] = [];
  readonly entries: Entry[] = [];
  readonly notes: Note[] = [];
  misses = 0;

  appended(taskId: string, entries: readonly Entry[] | undefined): void {
    this.grown.push(taskId);
    this.entries.push(...(entries ?? []));
  }

  noted(note: Note): void {
    this.notes.push(note);
  }

  missed(): void {
    this.misses++;
  }
}

export function describeDriverBell({ describe, it, open, atEnd }: DriverSuite): void {
  describe('the bell', () => {
    const listen = (driver: TaskDriver): { ears: RecordingEars; bell: Bell } => {
      const ears = new RecordingEars();
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

    it('carries notes to one instance or to all, the sender included', async () => {
      const { one, two } = await open();
      const [first, second] = [listen(one), listen(two)];
      const echo = { kind: 'echo', nonce: 'mine' } as const;
      await until(async () => {
        await one.ring('one', echo);
        return first.ears.notes.length > 0 || first.ears.misses > 0;
      });
      await until(async () => {
        await one.ring(undefined, { kind: 'orphan', handler: 'name:a' });
        return second.ears.notes.length > 0 || second.ears.misses > 0;
      });
      for (const note of second.ears.notes) expect(note).toEqual({ kind: 'orphan', handler: 'name:a' });
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
