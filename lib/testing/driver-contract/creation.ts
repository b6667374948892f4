/** Tests how a driver creates and finds tasks, and to whom it gives keys, slots and quotas. */
import { expect } from '../expect.js';
import { START } from '../../distributed/port/stored.js';
import { append, created, draft, endAfter, ended, TTL_MS, type DriverSuite } from './steps.js';

const FULL = { owner: 'ann', idempotencyKey: 'once', fingerprint: 'f', slot: 'chat', wire: 'plain', handler: 'name:a' };

export function describeDriverCreation({ describe, it, open }: DriverSuite): void {
  describe('creating and finding', () => {
    it('keeps everything that a task was created with', async () => {
      const { one, two } = await open();
      const made = draft({ ...FULL, input: '{"n":1}' });
      const answer = await one.create(made, 'one');
      const { input, ...known } = made;
      const task = {
        ...known,
        status: 'running',
        token: 1,
        holder: 'one',
        attempt: 1,
        losses: 0,
        cancel: undefined,
        top: START,
        dropped: START,
        updatedAtMs: made.createdAtMs,
        endedAtMs: undefined,
        expiresAtMs: undefined,
      };
      expect(answer).toEqual({ created: task });
      expect(await two.read({ taskId: made.taskId })).toEqual(task);
      expect(await two.read({ taskId: made.taskId }, { input: true })).toEqual({ ...task, input });
    });

    it('finds a task by its id, resume key, idempotency key and slot', async () => {
      const { one, two } = await open();
      const { taskId, resumeKey } = await created(one, FULL);
      const refs = [
        { taskId },
        { resumeKey },
        { idempotencyKey: 'once', owner: 'ann' },
        { slot: 'chat', owner: 'ann' },
      ];
      for (const ref of refs) expect(await two.read(ref)).toMatchObject({ taskId });
    });

    it('finds nothing by what was never there', async () => {
      const { one } = await open();
      const { taskId, resumeKey } = draft();
      const refs = [
        { taskId },
        { resumeKey },
        { idempotencyKey: 'once', owner: 'ann' },
        { slot: 'chat', owner: 'ann' },
      ];
      for (const ref of refs) expect(await one.read(ref)).toBeUndefined();
      expect(await one.look([taskId])).toEqual([undefined]);
    });

    it('answers the same draft again as the first time', async () => {
      const { one } = await open({ maxTasksPerOwner: 1 });
      const made = draft(FULL);
      const first = await one.create(made, 'one');
      expect(await one.create(made, 'one')).toEqual(first);
      expect(await one.list({ of: undefined, status: undefined, limit: 9, before: undefined })).toHaveLength(1);
    });

    it('looks at many tasks in the order asked for', async () => {
      const { one } = await open();
      const ids: string[] = [];
      for (let n = 0; n < 120; n++) ids.push((await created(one)).taskId);
      const states = await one.look([...ids.slice(60), 'nobody', ...ids.slice(0, 60)]);
      expect(states.map((state) => state?.taskId)).toEqual([...ids.slice(60), undefined, ...ids.slice(0, 60)]);
    });

    it('gives an idempotency key to one of many drafts, and tells the others which', async () => {
      const { one, two } = await open();
      const drafts = Array.from({ length: 8 }, () => draft({ owner: 'ann', idempotencyKey: 'once' }));
      const answers = await Promise.all(
        drafts.map((each, n) => (n % 2 ? one : two).create(each, n % 2 ? 'one' : 'two')),
      );
      const winners = answers.flatMap((answer) => ('created' in answer ? [answer.created.taskId] : []));
      expect(winners).toHaveLength(1);
      for (const answer of answers) {
        if ('taken' in answer) expect(answer).toMatchObject({ taken: 'idempotencyKey', by: { taskId: winners[0] } });
      }
      const list = await one.list({ of: undefined, status: undefined, limit: 9, before: undefined });
      expect(list.map(({ taskId }) => taskId)).toEqual(winners);
    });

    it('keeps an idempotency key taken after the end, until the task expires', async () => {
      const { one, advance } = await open();
      const { taskId } = await ended(one, { owner: 'ann', idempotencyKey: 'once' });
      const again = draft({ owner: 'ann', idempotencyKey: 'once' });
      expect(await one.create(again, 'one')).toMatchObject({ taken: 'idempotencyKey', by: { taskId } });
      await advance(TTL_MS + 1);
      expect(await one.read({ owner: 'ann', idempotencyKey: 'once' })).toBeUndefined();
      expect(await one.create(again, 'one')).toMatchObject({ created: { taskId: again.taskId } });
    });

    it('keeps keys, slots and quotas of owners apart, those of nobody included', async () => {
      const { one } = await open({ maxTasksPerOwner: 1 });
      for (const owner of ['ann', 'bob', undefined]) {
        expect(await one.create(draft({ ...FULL, owner }), 'one')).toHaveProperty('created');
      }
    });

    it('gives a slot to one of many drafts, and frees it with the end of its task', async () => {
      const { one, two } = await open();
      const drafts = Array.from({ length: 6 }, () => draft({ slot: 'chat' }));
      const answers = await Promise.all(drafts.map((each, n) => (n % 2 ? one : two).create(each, 'one')));
      const [winner, ...others] = answers.flatMap((answer) => ('created' in answer ? [answer.created] : []));
      expect(others).toEqual([]);
      const busy = { taken: 'slot', by: { taskId: winner!.taskId } };
      expect(answers.filter((answer) => 'taken' in answer)).toMatchObject(Array(5).fill(busy));
      await append(one, endAfter(winner!.taskId, START));
      expect(await two.read({ slot: 'chat', owner: undefined })).toBeUndefined();
      expect(await two.create(draft({ slot: 'chat' }), 'two')).toHaveProperty('created');
    });

    it('refuses more running tasks of an owner than the quota, and has room again after an end', async () => {
      const { one, two } = await open({ maxTasksPerOwner: 2 });
      const drafts = Array.from({ length: 6 }, () => draft({ owner: 'ann' }));
      const answers = await Promise.all(drafts.map((each, n) => (n % 2 ? one : two).create(each, 'one')));
      const made = answers.flatMap((answer) => ('created' in answer ? [answer.created] : []));
      expect(made).toHaveLength(2);
      expect(answers.filter((answer) => 'taken' in answer)).toEqual(Array(4).fill({ taken: 'quota' }));
      await append(one, endAfter(made[0]!.taskId, START));
      expect(await one.create(draft({ owner: 'ann' }), 'one')).toHaveProperty('created');
    });

    it('takes a quota that is smaller than `maxTasksPerOwner` for one start', async () => {
      const { one, two } = await open({ maxTasksPerOwner: 3 });
      await created(one, { owner: 'ann' });
      expect(await two.create(draft({ owner: 'ann' }), 'two', 1)).toEqual({ taken: 'quota' });
      expect(await two.create(draft({ owner: 'ann' }), 'two', 2)).toHaveProperty('created');
      expect(await one.create(draft({ owner: 'ann' }), 'one', 2)).toEqual({ taken: 'quota' });
      expect(await one.create(draft({ owner: 'ann' }), 'one')).toHaveProperty('created');
    });

    it('names the idempotency key before the slot, and the slot before the quota', async () => {
      const { one } = await open({ maxTasksPerOwner: 1 });
      const { taskId } = await created(one, FULL);
      const by = { taskId };
      expect(await one.create(draft(FULL), 'one')).toMatchObject({ taken: 'idempotencyKey', by });
      expect(await one.create(draft({ ...FULL, idempotencyKey: 'two' }), 'one')).toMatchObject({ taken: 'slot', by });
      expect(await one.create(draft({ owner: 'ann' }), 'one')).toEqual({ taken: 'quota' });
    });

    it('leaves nothing behind of a draft that was refused', async () => {
      const { one } = await open({ maxTasksPerOwner: 1 });
      await created(one, { owner: 'ann' });
      const refused = draft({ ...FULL, idempotencyKey: 'mine', slot: 'mine' });
      expect(await one.create(refused, 'one')).toEqual({ taken: 'quota' });
      const { taskId, resumeKey } = refused;
      const refs = [
        { taskId },
        { resumeKey },
        { idempotencyKey: 'mine', owner: 'ann' },
        { slot: 'mine', owner: 'ann' },
      ];
      for (const ref of refs) expect(await one.read(ref)).toBeUndefined();
      expect(await one.held('one', undefined, 9)).not.toContain(taskId);
      expect((await one.walk(undefined, 99)).tasks.map((task) => task.taskId)).not.toContain(taskId);
    });

    it('removes a task that nothing was appended to, with its key and slot, and no other', async () => {
      const { one } = await open();
      const task = await created(one, FULL);
      await one.remove(task.taskId);
      await one.remove(task.taskId);
      expect(await one.read({ taskId: task.taskId })).toBeUndefined();
      expect(await one.held('one', undefined, 9)).toEqual([]);
      const next = await created(one, FULL);
      await append(one, endAfter(next.taskId, START));
      await one.remove(next.taskId);
      expect(await one.read({ taskId: next.taskId })).toMatchObject({ status: 'completed' });
    });
  });
}
