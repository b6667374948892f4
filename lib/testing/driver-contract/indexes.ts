/** Tests what a driver knows of instances, subscribers, lists and expiry. */
import { expect } from '../expect.js';
import { SCHEMA, START, type Beat } from '../../distributed/port/stored.js';
import { append, created, endAfter, ended, TTL_MS, type DriverSuite } from './steps.js';

const beatOf = (instance: string): Beat => ({ instance, leaseMs: 5_000, schema: SCHEMA });

export function describeDriverIndexes({ describe, it, open }: DriverSuite): void {
  describe('instances', () => {
    it('are all answered with each beat, by how often they have beaten', async () => {
      const { one, two } = await open();
      expect(await one.beat(beatOf('one'))).toEqual([{ ...beatOf('one'), count: 1 }]);
      const other = { ...beatOf('two'), leaseMs: 7_000, schema: SCHEMA + 1 };
      await two.beat(other);
      const all = await one.beat(beatOf('one'));
      expect([...all].sort((a, b) => a.instance.localeCompare(b.instance))).toEqual([
        { ...beatOf('one'), count: 2 },
        { ...other, count: 1 },
      ]);
    });

    it('are answered once each, however many there are, and each beat counts', async () => {
      const { one, two } = await open();
      const names = Array.from({ length: 205 }, (_, n) => `instance ${n}`);
      for (const name of names) await one.beat(beatOf(name));
      await Promise.all([one, two, one, two].map((driver) => driver.beat(beatOf('busy'))));
      const all = await two.beat(beatOf('busy'));
      expect(all.map(({ instance }) => instance).sort()).toEqual([...names, 'busy'].sort());
      expect(all.find(({ instance }) => instance === 'busy')).toEqual({ ...beatOf('busy'), count: 5 });
    });

    it('are removed unless they have beaten since', async () => {
      const { one, two } = await open();
      await two.beat(beatOf('two'));
      await two.beat(beatOf('two'));
      await one.removeInstance('two', 1);
      expect(await one.beat(beatOf('one'))).toHaveLength(2);
      await one.removeInstance('two', 2);
      expect(await one.beat(beatOf('one'))).toHaveLength(1);
      await one.removeInstance('one', undefined);
      expect(await two.beat(beatOf('two'))).toEqual([{ ...beatOf('two'), count: 1 }]);
    });

    it('are asked for their tasks a page at a time, and divided without changing a task', async () => {
      const { one, two } = await open();
      const ids: string[] = [];
      for (let n = 0; n < 7; n++) ids.push((await created(one)).taskId);
      const pages = [await two.held('one', undefined, 5)];
      pages.push(await two.held('one', pages[0]!.at(-1), 5));
      expect(pages[0]).toHaveLength(5);
      expect(pages.flat().sort()).toEqual(ids);
      const parts = await Promise.all([two.divide('one', 'two', 3), one.divide('one', 'three', 3)]);
      expect(new Set(parts.flat()).size).toBe(6);
      expect([...(await one.held('two', undefined, 9))].sort()).toEqual([...parts[0]].sort());
      expect(await one.held('one', undefined, 9)).toHaveLength(1);
      expect(await one.look(ids)).toMatchObject(ids.map(() => ({ holder: 'one', token: 1 })));
    });

    it('have the index of many tasks repaired in one call', async () => {
      const { one, two } = await open();
      const ids = [await created(one), await created(one), await created(one)].map(({ taskId }) => taskId);
      await two.divide('one', 'two', 9);
      await two.reindex('two', ids);
      expect(await one.held('two', undefined, 9)).toEqual([]);
      await one.reindex('one', ids);
      expect([...(await two.held('one', undefined, 9))].sort()).toEqual(ids);
    });

    it('have their index repaired', async () => {
      const { one, two } = await open();
      const { taskId } = await created(one, { owner: 'ann', slot: 'chat', idempotencyKey: 'once' });
      const over = await ended(one);
      await two.divide('one', 'two', 9);
      await two.reindex('two', [taskId, over.taskId, 'nobody']);
      expect(await one.held('two', undefined, 9)).toEqual([]);
      await one.reindex('one', [taskId, over.taskId, 'nobody']);
      expect(await one.held('one', undefined, 9)).toEqual([taskId]);
      expect(await two.read({ slot: 'chat', owner: 'ann' })).toMatchObject({ taskId });
      expect(await two.read({ idempotencyKey: 'once', owner: 'ann' })).toMatchObject({ taskId });
    });
  });

  describe('subscribers', () => {
    it('are counted by the newest report of each instance', async () => {
      const { one, two } = await open();
      const { taskId } = await created(one);
      const report = (instance: string, version: number, count: number): Promise<void> =>
        one.reportAudience([{ taskId, instance, version, count, moves: [] }]);
      await Promise.all([report('one', 1, 2), two.reportAudience([])]);
      await report('two', 4, 3);
      await report('two', 3, 9);
      await report('two', 4, 9);
      await report('one', 2, 0);
      const [shares, nothing] = await two.readAudience([taskId, 'nobody']);
      expect(nothing).toEqual([]);
      const counted = Object.fromEntries(shares!.map(({ instance, version, count }) => [instance, [version, count]]));
      expect(counted).toEqual({ one: [2, 0], two: [4, 3] });
    });

    it('are told and asked of many tasks in one call', async () => {
      const { one, two } = await open();
      const ids = [await created(one), await created(one), await created(one)].map(({ taskId }) => taskId);
      const shareOf = (count: number) => ({ instance: 'one', version: 1, count });
      const moves = [{ subscriberId: 'tab', position: undefined }];
      await one.reportAudience(ids.map((taskId, n) => ({ taskId, ...shareOf(n), moves })));
      expect(await two.readAudience([...ids].reverse())).toEqual([2, 1, 0].map((n) => [shareOf(n)]));
      for (const taskId of ids) expect((await two.readDeparture(taskId, 'tab')).attachedTo).toEqual(['one']);
    });

    it('are all counted where several instances report at the same moment', async () => {
      const { one, two } = await open();
      const { taskId } = await created(one);
      const instances = Array.from({ length: 8 }, (_, n) => `instance ${n}`);
      const moves = [{ subscriberId: 'tab', position: undefined }];
      await Promise.all(
        instances.map((instance, n) =>
          (n % 2 ? one : two).reportAudience([{ taskId, instance, version: 1, count: 1, moves }]),
        ),
      );
      const [shares] = await one.readAudience([taskId]);
      expect(shares!.map(({ instance }) => instance).sort()).toEqual(instances);
      expect([...(await one.readDeparture(taskId, 'tab')).attachedTo].sort()).toEqual(instances);
    });

    it('leave off at their last position, and are attached until they have left everywhere', async () => {
      const { one, two } = await open();
      const { taskId } = await created(one);
      let version = 0;
      const moved = (instance: string, ...positions: (number | undefined)[]): Promise<void> => {
        const moves = positions.map((position) => ({ subscriberId: 'tab 1:ü', position }));
        return one.reportAudience([{ taskId, instance, version: ++version, count: 1, moves }]);
      };
      await moved('one', undefined, undefined);
      await moved('two', undefined);
      const departure = await two.readDeparture(taskId, 'tab 1:ü');
      expect([...departure.attachedTo].sort()).toEqual(['one', 'two']);
      expect(departure.position).toBeUndefined();
      await moved('two', 3);
      await moved('one', 7);
      expect(await two.readDeparture(taskId, 'tab 1:ü')).toEqual({ attachedTo: ['one'], position: 7 });
      await moved('one', 5);
      expect(await two.readDeparture(taskId, 'tab 1:ü')).toEqual({ attachedTo: [], position: 5 });
      expect(await two.readDeparture(taskId, 'another')).toEqual({ attachedTo: [], position: undefined });
    });

    it('are remembered by the last 1,000 names', async () => {
      const { one } = await open();
      const { taskId } = await created(one);
      for (let version = 1; version <= 13; version++) {
        const moves = Array.from({ length: 100 }, (_, n) => ({ subscriberId: `${version}-${n}`, position: version }));
        await one.reportAudience([{ taskId, instance: 'one', version, count: 0, moves }]);
      }
      const position = async (name: string): Promise<number | undefined> =>
        (await one.readDeparture(taskId, name)).position;
      expect(await position('13-99')).toBe(13);
      expect(await position('4-0')).toBe(4);
      expect(await position('1-99')).toBeUndefined();
    });
  });

  describe('lists and expiry', () => {
    it('lists the newest first, of all or of one owner, of all or of one status, a page at a time', async () => {
      const { one } = await open();
      const made: { taskId: string; owner: string | undefined; status: string }[] = [];
      for (let n = 0; n < 12; n++) {
        const owner = n % 3 === 0 ? undefined : n % 3 === 1 ? 'ann' : 'bob';
        const { taskId } = n % 2 ? await ended(one, { owner }) : await created(one, { owner });
        made.unshift({ taskId, owner, status: n % 2 ? 'completed' : 'running' });
      }
      for (const of of [undefined, { owner: undefined }, { owner: 'ann' }]) {
        for (const status of [undefined, 'running', 'completed', 'failed'] as const) {
          const fits = made
            .filter((task) => !of || task.owner === of.owner)
            .filter((task) => (status ?? task.status) === task.status);
          const listed = await one.list({ of, status, limit: 99, before: undefined });
          expect(listed.map(({ taskId }) => taskId)).toEqual(fits.map(({ taskId }) => taskId));
          const paged = await one.list({ of, status, limit: 2, before: made[3]!.taskId });
          const later = fits.filter(({ taskId }) => taskId < made[3]!.taskId).slice(0, 2);
          expect(paged.map(({ taskId }) => taskId)).toEqual(later.map(({ taskId }) => taskId));
        }
      }
    });

    it('lists, walks over and holds more tasks than fit into a page of a store', async () => {
      const { one, two } = await open();
      const ids: string[] = [];
      for (let n = 0; n < 30; n++) {
        const ten = await Promise.all(Array.from({ length: 10 }, () => created(one)));
        ids.push(...ten.map(({ taskId }) => taskId));
      }
      ids.sort();
      const listed = await two.list({ of: undefined, status: undefined, limit: 1_000, before: undefined });
      expect(listed.map(({ taskId }) => taskId).reverse()).toEqual(ids);
      expect([...(await two.held('one', undefined, 1_000))].sort()).toEqual(ids);
      const walked = new Set<string>();
      for (let cursor: string | undefined, isFirst = true; isFirst || cursor !== undefined; isFirst = false) {
        const { tasks, next } = await two.walk(cursor, 100);
        for (const { taskId } of tasks) walked.add(taskId);
        cursor = next;
      }
      expect([...walked].sort()).toEqual(ids);
    });

    it('answers expired as soon as the retention is over, swept or not, and nothing after as long again', async () => {
      const { one, advance } = await open();
      const { taskId, resumeKey } = await ended(one, { owner: 'ann' });
      await advance(TTL_MS + 1);
      const tombstone = { status: 'expired', owner: 'ann' };
      for (const ref of [{ taskId }, { resumeKey }]) expect(await one.read(ref)).toEqual(tombstone);
      expect(await one.look([taskId])).toEqual([undefined]);
      expect(await one.list({ of: { owner: 'ann' }, status: undefined, limit: 9, before: undefined })).toEqual([]);
      expect(await one.expire(9)).toEqual({ gone: [taskId], left: 1 });
      for (const ref of [{ taskId }, { resumeKey }]) expect(await one.read(ref)).toEqual(tombstone);
      expect(await one.readAfter(taskId, START, 9)).toEqual([]);
      await advance(TTL_MS + 1);
      for (const ref of [{ taskId }, { resumeKey }]) expect(await one.read(ref)).toBeUndefined();
      expect(await one.expire(9)).toEqual({ gone: [], left: 0 });
    });

    it('forgets no more than asked for at a time, and nothing that runs or is kept', async () => {
      const { one, advance } = await open();
      const over = [await ended(one), await ended(one), await ended(one)].map(({ taskId }) => taskId);
      await advance(TTL_MS + 1);
      const kept = await ended(one);
      const running = await created(one);
      const swept = [await one.expire(2), await one.expire(2), await one.expire(2)].map(({ gone }) => gone);
      expect(swept.map((gone) => gone.length)).toEqual([2, 1, 0]);
      expect(swept.flat().sort()).toEqual(over);
      expect(await one.look([kept.taskId, running.taskId])).toMatchObject([
        { status: 'completed' },
        { status: 'running' },
      ]);
    });

    it('walks over all tasks that are kept', async () => {
      const { one, two } = await open();
      const ids: string[] = [];
      for (let n = 0; n < 30; n++) ids.push((await created(one)).taskId);
      await append(one, endAfter(ids[0]!, START));
      const found: string[] = [];
      let cursor: string | undefined;
      do {
        const { tasks, next } = await two.walk(cursor, 7);
        found.push(...tasks.map(({ taskId }) => taskId));
        cursor = next;
      } while (cursor !== undefined);
      expect([...new Set(found)].sort()).toEqual(ids);
    });
  });
}
