/** Tests that a task moves to one claimant, and that its former holder is fenced. */
import { expect } from '../expect.js';
import { eventLines } from '../../distributed/port/entry.js';
import { START } from '../../distributed/port/stored.js';
import { append, batchOf, claimOf, created, endAfter, entryAfter, stored, type DriverSuite } from './steps.js';

const LOST = { status: 'failed', outcome: '{"code":"TASK_LOST"}' } as const;

export function describeDriverTakeover({ describe, it, open }: DriverSuite): void {
  describe('taking over', () => {
    it('moves a task to its claimant and fences whoever held it', async () => {
      const { one, two } = await open();
      const task = await created(one, { input: '{"n":1}', handler: 'name:a' });
      const first = entryAfter(START, ['1']);
      await append(one, batchOf(task.taskId, [first]));
      const answer = await two.claim(claimOf(task));
      const place = { ...first.place, token: 2 };
      const won = { holder: 'two', token: 2, attempt: 2, input: '{"n":1}', progress: '1', top: place };
      expect(answer).toMatchObject({ won });
      expect(await append(one, batchOf(task.taskId, [entryAfter(first.place, ['2'])]))).toEqual({ kind: 'fenced' });
      const next = entryAfter(place, ['2']);
      expect(await append(two, batchOf(task.taskId, [next]))).toMatchObject({ kind: 'committed' });
      const log = await one.readAfter(task.taskId, START, 9);
      expect(log.map((entry) => [entry.place, entry.events])).toEqual([
        [first.place, 1],
        [place, 0],
        [next.place, 1],
      ]);
      expect(await one.held('one', undefined, 9)).toEqual([]);
      expect(await one.held('two', undefined, 9)).toEqual([task.taskId]);
    });

    it('tells a claim that is asked again that it has won', async () => {
      const { one, two } = await open();
      const claim = claimOf(await created(one));
      const first = await two.claim(claim);
      expect(await two.claim(claim)).toEqual(first);
      const end = claimOf(await created(one), {
        ending: { ...LOST, text: eventLines('failed', LOST.outcome), bytes: 9 },
      });
      const over = await two.claim(end);
      expect(over).toMatchObject({ won: { status: 'failed' } });
      expect(await two.claim(end)).toEqual(over);
    });

    it('is won by one of many', async () => {
      const { one, two } = await open();
      const task = await created(one);
      const claims = Array.from({ length: 8 }, (_, n) => claimOf(task, { instance: n % 2 ? 'two' : 'three' }));
      const answers = await Promise.all(claims.map((claim) => (claim.instance === 'two' ? two : one).claim(claim)));
      const won = answers.flatMap((answer) => ('won' in answer ? [answer.won] : []));
      expect(won).toHaveLength(1);
      expect(answers.filter((answer) => 'lost' in answer)).toEqual(Array(7).fill({ lost: 'taken' }));
      const holder = won[0]?.holder ?? '';
      expect(await one.held(holder, undefined, 9)).toEqual([task.taskId]);
      expect(await one.held(holder === 'two' ? 'three' : 'two', undefined, 9)).toEqual([]);
    });

    it('changes nothing where token or holder are not as expected, or nothing runs', async () => {
      const { one, two } = await open();
      const task = await created(one);
      const { taskId } = task;
      expect(await two.claim(claimOf(task, { expected: { token: 1, holder: 'three' } }))).toEqual({ lost: 'taken' });
      expect(await two.claim(claimOf(task, { expected: { token: 7, holder: 'one' }, token: 8 }))).toEqual({
        lost: 'taken',
      });
      expect(await two.claim(claimOf(task, { expected: { token: 1, holder: undefined } }))).toEqual({ lost: 'taken' });
      expect(await two.claim(claimOf({ ...task, taskId: 'nobody' }))).toEqual({ lost: 'gone' });
      expect(await two.read({ taskId })).toEqual(task);
      await append(one, endAfter(taskId, START));
      expect(await two.claim(claimOf(task))).toEqual({ lost: 'ended' });
    });

    it('ends a task in the same step', async () => {
      const { one, two } = await open();
      const task = await created(one, { slot: 'chat' });
      const ending = { ...LOST, text: eventLines('failed', LOST.outcome), bytes: 9 };
      expect(await two.claim(claimOf(task, { ending, attempt: 1 }))).toMatchObject({ won: { status: 'failed' } });
      const log = await one.readAfter(task.taskId, START, 9);
      expect(log.map(({ place, events, text }) => [place, events, text])).toEqual([
        [{ token: 2, seq: 0, bytes: 0 }, 0, ''],
        [{ token: 2, seq: 1, bytes: 9 }, 1, ending.text],
      ]);
      expect(await stored(one, task.taskId)).toMatchObject({ status: 'failed', outcome: LOST.outcome, attempt: 1 });
      for (const holder of ['one', 'two']) expect(await one.held(holder, undefined, 9)).toEqual([]);
      expect(await one.read({ slot: 'chat', owner: undefined })).toBeUndefined();
    });

    it('lists a task without a holder among the orphans of its handler, once it is due', async () => {
      const { one, two, advance } = await open();
      const task = await created(one, { handler: 'name:a' });
      const { taskId } = task;
      expect(await one.orphan(taskId, { token: 1, holder: 'two' }, 0)).toBe(false);
      expect(await one.orphan(taskId, { token: 2, holder: 'one' }, 0)).toBe(false);
      expect(await one.orphan(taskId, { token: 1, holder: 'one' }, 5_000, 1)).toBe(true);
      expect(await one.orphan(taskId, { token: 1, holder: 'one' }, 5_000, 1)).toBe(true);
      expect(await two.read({ taskId })).toMatchObject({ status: 'running', holder: undefined, losses: 1 });
      expect(await two.held('one', undefined, 9)).toEqual([]);
      expect(await two.orphans({ handlers: ['name:a', 'name:b'] }, 9)).toEqual([]);
      expect(await two.isDue(taskId, 'name:a')).toBe(false);
      await advance(5_001);
      expect(await two.isDue(taskId, 'name:a')).toBe(true);
      expect(await two.isDue('nobody', 'name:a')).toBe(false);
      expect(await two.orphans({ handlers: ['name:b'] }, 9)).toEqual([]);
      expect(await two.orphans({ handlers: ['name:b', 'name:a'] }, 9)).toEqual([taskId]);
      expect(await two.orphans({ olderThanMs: 60_000 }, 9)).toEqual([]);
      expect(await two.orphans({ olderThanMs: 5_000 }, 9)).toEqual([taskId]);
      expect(await two.claim(claimOf({ ...task, holder: undefined }))).toMatchObject({
        won: { holder: 'two', losses: 1 },
      });
      expect(await two.orphans({ olderThanMs: 0 }, 9)).toEqual([]);
      expect(await two.orphans({ handlers: ['name:a'] }, 9)).toEqual([]);
      expect(await two.isDue(taskId, 'name:a')).toBe(false);
      expect(await one.orphan(taskId, { token: 1, holder: 'one' }, 0)).toBe(false);
    });

    it('lists whoever has waited longest first', async () => {
      const { one, two, advance } = await open();
      const tasks = [await created(one, { handler: 'name:a' }), await created(one, { handler: 'name:a' })];
      const ids = tasks.map(({ taskId }) => taskId).reverse();
      for (const taskId of ids) {
        await one.orphan(taskId, { token: 1, holder: 'one' }, 0);
        await advance(10);
      }
      expect(await two.orphans({ handlers: ['name:a'] }, 9)).toEqual(ids);
      expect(await two.orphans({ handlers: ['name:a'] }, 1)).toEqual([ids[0]]);
      expect(await two.orphans({ olderThanMs: 0 }, 9)).toEqual(ids);
    });

    it('keeps the number of losses of a task that its holder hands over', async () => {
      const { one, two } = await open();
      const task = await created(one, { handler: 'name:a' });
      const { taskId, token } = task;
      expect(await one.look([taskId])).toMatchObject([{ losses: 0 }]);
      expect(await one.orphan(taskId, { token, holder: 'one' }, 0, 2)).toBe(true);
      const next = { token: token + 1, attempt: 2 };
      await two.claim(claimOf({ ...task, holder: undefined }, next));
      expect(await two.orphan(taskId, { token: next.token, holder: 'two' }, 0)).toBe(true);
      expect(await one.look([taskId])).toMatchObject([{ losses: 2, attempt: 2, holder: undefined }]);
    });

    it('lists a task no longer that its holder ends after it was taken for dead', async () => {
      const { one, two } = await open();
      const { taskId, top } = await created(one, { handler: 'name:a' });
      expect(await two.orphan(taskId, { token: 1, holder: 'one' }, 0)).toBe(true);
      expect(await append(one, endAfter(taskId, top))).toMatchObject({ kind: 'committed' });
      expect(await two.orphans({ olderThanMs: 0 }, 9)).toEqual([]);
      expect(await two.orphans({ handlers: ['name:a'] }, 9)).toEqual([]);
    });

    it('keeps the first reason of a cancel, and refuses one of what does not run', async () => {
      const { one, two } = await open();
      const { taskId } = await created(one);
      expect(await two.requestCancel(taskId, '"first"')).toMatchObject({ taskId, holder: 'one', cancel: '"first"' });
      expect(await two.requestCancel(taskId, '"second"')).toMatchObject({ cancel: '"first"' });
      expect(await one.look([taskId])).toMatchObject([{ cancel: '"first"' }]);
      expect(await one.read({ taskId })).toMatchObject({ cancel: '"first"' });
      await append(one, endAfter(taskId, START));
      expect(await two.requestCancel(taskId, '"late"')).toBeUndefined();
      expect(await two.requestCancel('nobody', '"late"')).toBeUndefined();
    });
  });
}
