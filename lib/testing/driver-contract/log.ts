/** Tests that a driver appends to logs, reads them, trims them and ends them. */
import { expect } from '../expect.js';
import { eventLines } from '../../distributed/port/entry.js';
import type { Fate } from '../../distributed/port/calls.js';
import { START, type Entry } from '../../distributed/port/stored.js';
import {
  append,
  batchOf,
  claimOf,
  created,
  DONE,
  endAfter,
  entryAfter,
  stored,
  TTL_MS,
  type DriverSuite,
} from './steps.js';

/** Entries of one event each, one behind the other. */
function chain(texts: readonly string[]): Entry[] {
  const entries: Entry[] = [];
  for (const text of texts) entries.push(entryAfter(entries.at(-1)?.place ?? START, [text]));
  return entries;
}

export function describeDriverLog({ describe, it, open }: DriverSuite): void {
  describe('the log', () => {
    it('gives back what was appended, byte for byte', async () => {
      const { one, two } = await open();
      const { taskId } = await created(one);
      const text = eventLines('note', '"ü🙂\\u2028 \u2028"') + eventLines(undefined, '{"a":"b\\n"}');
      const entry: Entry = { ...entryAfter(START, ['1', '2']), text };
      expect(await append(one, batchOf(taskId, [entry]))).toMatchObject({ kind: 'committed' });
      expect(await two.readAfter(taskId, START, 9)).toEqual([entry]);
      expect(await two.read({ taskId })).toMatchObject({ top: entry.place, updatedAtMs: entry.atMs });
      expect(await two.look([taskId])).toMatchObject([{ top: entry.place }]);
    });

    it('returns an entry of a schema that it does not know', async () => {
      const { one } = await open();
      const { taskId } = await created(one);
      const entry = { ...entryAfter(START, ['1']), schema: 99, text: 'something else' };
      await append(one, batchOf(taskId, [entry]));
      expect(await one.readAfter(taskId, START, 9)).toEqual([entry]);
    });

    it('appends for many tasks in one call, and answers in their order', async () => {
      const { one } = await open();
      const tasks = await Promise.all(Array.from({ length: 80 }, () => created(one)));
      const batches = tasks.map(({ taskId }, n) => batchOf(taskId, chain([`${n}`, `${n}`])));
      batches.splice(20, 0, batchOf('nobody', chain(['1'])));
      const fates = await Promise.all(one.append(batches));
      expect(fates.map(({ kind }) => kind)).toEqual(
        batches.map(({ taskId }) => (taskId === 'nobody' ? 'gone' : 'committed')),
      );
      for (const { taskId, entries } of batches.filter((batch) => batch.taskId !== 'nobody')) {
        expect(await one.readAfter(taskId, START, 9)).toEqual(entries);
      }
    });

    it('reads from a place on, at most as many as asked for', async () => {
      const { one } = await open();
      const { taskId } = await created(one);
      const entries = chain(['1', '2', '3', '4', '5']);
      await append(one, batchOf(taskId, entries));
      expect(await one.readAfter(taskId, entries[1]!.place, 2)).toEqual(entries.slice(2, 4));
      expect(await one.readAfter(taskId, { token: 1, seq: 2 }, 9)).toEqual(entries.slice(2));
      expect(await one.readAfter(taskId, entries[4]!.place, 9)).toEqual([]);
      expect(await one.readAfter('nobody', START, 9)).toEqual([]);
    });

    it('shows a batch whole or not at all, whoever reads meanwhile', async () => {
      const { one, two } = await open();
      const { taskId } = await created(one);
      const [first, second] = chain(['1', '2']) as [Entry, Entry];
      const { entries, ...end } = endAfter(taskId, second.place);
      let fate: Fate | undefined;
      const appended = append(one, { ...end, entries: [first, second, ...entries] }).then((answer) => (fate = answer));
      while (fate === undefined) {
        const [read] = await Promise.all([two.readAfter(taskId, START, 9), new Promise(setImmediate)]);
        if (read.length === 0) continue;
        expect(read).toHaveLength(3);
        expect(await two.look([taskId])).toMatchObject([{ status: 'completed', top: entries[0]!.place }]);
      }
      expect(await appended).toMatchObject({ kind: 'committed' });
    });

    it('takes the same batch twice without effect', async () => {
      const { one } = await open();
      const { taskId } = await created(one);
      const entries = chain(['1', '2']);
      const more = batchOf(taskId, [entryAfter(entries[1]!.place, ['3'])]);
      for (const batch of [batchOf(taskId, entries), batchOf(taskId, entries), more, batchOf(taskId, entries), more]) {
        expect(await append(one, batch)).toMatchObject({ kind: 'committed' });
      }
      expect(await one.readAfter(taskId, START, 9)).toEqual([...entries, ...more.entries]);
    });

    it('accepts places that skip numbers', async () => {
      const { one } = await open();
      const { taskId } = await created(one);
      const far = entryAfter({ token: 1, seq: 9_999_999_000, bytes: 2 ** 40 }, ['1']);
      await append(one, batchOf(taskId, [far]));
      expect(await one.readAfter(taskId, START, 9)).toEqual([far]);
      const won = await one.claim(claimOf(await stored(one, taskId), { token: 2 ** 30 - 1 }));
      expect(won).toMatchObject({ won: { top: { ...far.place, token: 2 ** 30 - 1 } } });
    });

    it('knows the last progress, whatever came after it', async () => {
      const { one } = await open();
      const { taskId } = await created(one);
      const [first] = chain(['{"n":1}']) as [Entry];
      await append(one, batchOf(taskId, [first]));
      expect(await stored(one, taskId)).toMatchObject({ progress: '{"n":1}' });
      const named = { ...entryAfter(first.place, ['2']), text: eventLines('note', '2') };
      await append(one, batchOf(taskId, [named], { progress: '{"n":1}' }));
      expect(await stored(one, taskId)).toMatchObject({ progress: '{"n":1}' });
      const won = await one.claim(claimOf(await stored(one, taskId)));
      expect(won).toMatchObject({ won: { progress: '{"n":1}' } });
      expect(await one.read({ taskId })).not.toHaveProperty('progress');
    });

    it('replaces the snapshot', async () => {
      const { one } = await open();
      const { taskId } = await created(one);
      const entries = chain(['1', '2']);
      await append(one, batchOf(taskId, [entries[0]!], { snapshot: { seq: 1, json: '{"a":1 }' } }));
      await append(one, batchOf(taskId, [entries[1]!], { snapshot: { seq: 2, json: '{"a":2 }' } }));
      expect(await stored(one, taskId)).toMatchObject({ snapshot: { seq: 2, json: '{"a":2 }' } });
    });

    it('drops the oldest entries that are in excess when it is trimmed, never the last', async () => {
      const { one } = await open({ limits: { maxEvents: 16, maxBytes: 1_000_000 } });
      const { taskId } = await created(one);
      const entries = chain(Array.from({ length: 20 }, (_, n) => `${n}`));
      const fate = await append(one, batchOf(taskId, entries, { trim: true }));
      expect(fate).toEqual({ kind: 'committed', dropped: entries[4]!.place });
      expect(await one.readAfter(taskId, START, 99)).toEqual(entries.slice(5));
      expect(await one.read({ taskId })).toMatchObject({ dropped: entries[4]!.place, top: entries[19]!.place });
      const { place, ...next } = entryAfter(entries[19]!.place, ['x']);
      const large = { ...next, bytes: 2_000_000, place: { ...place, bytes: place.bytes + 2_000_000 } };
      expect(await append(one, batchOf(taskId, [large], { trim: true }))).toMatchObject({
        dropped: entries[19]!.place,
      });
      expect(await one.readAfter(taskId, START, 99)).toEqual([large]);
    });

    it('has dropped nothing where trimming finds nothing in excess', async () => {
      const { one } = await open();
      const { taskId } = await created(one);
      const fate = await append(one, batchOf(taskId, chain(['1']), { trim: true, touch: true }));
      expect(fate.kind === 'committed' && fate.dropped).toBeUndefined();
      expect(await one.read({ taskId })).toMatchObject({ dropped: START });
    });

    it('ends a task together with its terminal event', async () => {
      const { one, two, advance } = await open();
      const { taskId } = await created(one);
      const [first] = chain(['1']) as [Entry];
      await append(one, batchOf(taskId, [first]));
      const end = endAfter(taskId, first.place, { progress: '1' });
      expect(await append(one, end)).toMatchObject({ kind: 'committed' });
      expect(await append(one, end)).toMatchObject({ kind: 'committed' });
      const task = await stored(two, taskId);
      expect(task).toMatchObject({
        status: 'completed',
        outcome: DONE.outcome,
        progress: '1',
        top: end.entries[0]!.place,
      });
      expect(task.expiresAtMs! - task.endedAtMs!).toBe(TTL_MS);
      expect(await append(one, batchOf(taskId, [entryAfter(task.top, ['late'])]))).toEqual({ kind: 'ended' });
      expect(await one.readAfter(taskId, START, 9)).toEqual([first, ...end.entries]);
      expect(await one.held('one', undefined, 9)).toEqual([]);
      await advance(TTL_MS + 1);
      expect(await append(one, end)).toEqual({ kind: 'gone' });
    });
  });
}
