import type { RouterOptions } from '../../lib/index.js';
import { ManualClock } from '../support/clock/manual-clock.js';
import { requestBytes } from '../support/http/raw-http.js';
import { expectRefused, get } from '../support/http/refusal.js';
import { getJson, useTaskServers, type TaskServerOptions } from '../support/servers/task-server.js';

const start = useTaskServers();

describe('GET /, which lists tasks', () => {
  it('pages by the id of the last task, newest first, and carries neither progress nor result', async () => {
    const server = await start({ owner: () => 'ann' });
    const ids: string[] = [];
    for (let n = 0; n < 5; n++) {
      const { context, finish } = await server.begin();
      ids.unshift(context.taskId);
      await context.updateProgress({ n });
      finish({ n });
    }
    const page = async (query: string): Promise<Record<string, unknown>[]> => {
      const { tasks } = JSON.parse(await (await server.open(`/tasks${query}`)).text()) as {
        tasks: Record<string, unknown>[];
      };
      return tasks;
    };
    const first = await page('?limit=2');
    const second = await page(`?limit=2&before=${String(first[1]?.task_id)}`);
    const third = await page(`?limit=2&before=${String(second[1]?.task_id)}`);
    expect([...first, ...second, ...third].map(({ task_id: id }) => id)).toEqual(ids);
    for (const task of first) expect(Object.keys(task)).not.toEqual(expect.arrayContaining(['progress', 'result']));
    expect((await server.tasks.listTasks({ before: ids[3]! })).map(({ taskId }) => taskId)).toEqual([ids[4]]);
  });

  it.each(['limit=0x10', 'limit=1e2', 'limit=%205', 'limit=+5', 'limit=05', 'limit=1&limit=2', 'before=x', 'before='])(
    'answers 400 to ?%s, which is not written as a value',
    async (query) => {
      const server = await start({ owner: () => 'ann' });
      expect((await server.open(`/tasks?${query}`)).status).toBe(400);
    },
  );

  const authorize: RouterOptions['authorize'] = () => true;

  it('is off where there are neither owners nor `authorize`', async () => {
    const server = await start({ clock: new ManualClock() });
    await server.begin();
    await expectRefused(server, { bytes: get('/tasks'), status: 404, code: 'TASK_NOT_FOUND' });
  });

  it.each([
    ['there are neither owners nor `authorize`', {}, /needs the option owner of the manager, or authorize/],
    ['the request has no owner', { owner: () => undefined }, /the option owner has named nobody/],
  ])('says what is missing where %s', async (_what, options: TaskServerOptions, missing) => {
    const server = await start({ clock: new ManualClock(), ...options });
    const answer: unknown = JSON.parse(await (await server.open('/tasks')).text());
    expect(answer).toMatchObject({ status: 404, code: 'TASK_NOT_FOUND', detail: expect.stringMatching(missing) });
  });

  it('lists the newest first, by status, up to a limit, without keys', async () => {
    const server = await start({ router: { authorize } });
    const ids: string[] = [];
    const keys: string[] = [];
    for (let nth = 0; nth < 4; nth++) {
      const { context } = await server.begin();
      ids.unshift(context.taskId);
      keys.push(context.resumeKey);
    }
    await server.tasks.completeTask(ids[0] ?? '', 'completed');
    const listed = async (query: string): Promise<string[]> => {
      const { tasks } = (await getJson(server, `/tasks${query}`)) as { tasks: { task_id: string }[] };
      for (const key of keys) expect(JSON.stringify(tasks)).not.toContain(key);
      return tasks.map(({ task_id: id }) => id);
    };
    expect(await listed('')).toEqual(ids);
    expect(await listed('?status=completed')).toEqual(ids.slice(0, 1));
    expect(await listed('?status=running')).toEqual(ids.slice(1));
    expect(await listed('?status=failed')).toEqual([]);
    expect(await listed('?limit=2')).toEqual(ids.slice(0, 2));
    expect(await listed('?status=running&limit=1')).toEqual(ids.slice(1, 2));
  });

  it.each(['limit=0', 'limit=-1', 'limit=1.5', 'limit=x', 'limit=1001', 'limit=', 'status=', 'status=gone'])(
    'answers 400 to ?%s',
    async (query) => {
      const server = await start({ router: { authorize }, clock: new ManualClock() });
      await expectRefused(server, { bytes: get(`/tasks?${query}`), status: 400, code: 'INVALID_INPUT' });
    },
  );
});

describe('authorize', () => {
  const ownerOf = { owner: (req: { headers: NodeJS.Dict<string | string[]> }) => String(req.headers['x-owner']) };

  it('has the last word on every task, and its refusal looks like an unknown task', async () => {
    const clock = new ManualClock();
    const authorize = jest.fn<boolean | Promise<boolean>, unknown[]>(() => Promise.resolve(false));
    const server = await start({ router: { authorize }, clock });
    const { context } = await server.begin();
    const requests: [method: string, path: string][] = [
      ['GET', ''],
      ['GET', '/result'],
      ['GET', `/events?resume_key=${context.resumeKey}`],
      ['DELETE', ''],
    ];
    for (const [method, path] of requests) {
      const bytes = requestBytes(method, `/tasks/${context.taskId}${path}`);
      await expectRefused(server, { bytes, method, status: 404, code: 'TASK_NOT_FOUND' });
    }
    expect(authorize).toHaveBeenCalledTimes(4);
    expect(authorize).toHaveBeenCalledWith(expect.anything(), expect.objectContaining({ taskId: context.taskId }));
    expect(await getJson(server, '/tasks')).toEqual({ tasks: [] });
  });

  it('is not asked about tasks of other owners', async () => {
    const authorize = jest.fn(() => true);
    const server = await start({ ...ownerOf, router: { authorize } });
    const { context } = await server.begin('/report', { headers: { 'X-Owner': 'ann' } });
    const headers = { 'X-Owner': 'bob' };
    expect((await server.open(`/tasks/${context.taskId}`, { headers })).status).toBe(404);
    expect(await getJson(server, '/tasks', headers)).toEqual({ tasks: [] });
    expect(authorize).not.toHaveBeenCalled();
  });

  it('chooses the tasks that the list shows', async () => {
    const server = await start({ router: { authorize: (_req, task) => task.status === 'completed' } });
    const { context } = await server.begin();
    await server.begin();
    await server.tasks.completeTask(context.taskId, 'completed');
    expect(await getJson(server, '/tasks')).toEqual({ tasks: [expect.objectContaining({ task_id: context.taskId })] });
  });

  it('that throws is an error of the application, and shows nothing', async () => {
    const server = await start({
      router: {
        authorize: () => {
          throw new Error('secret');
        },
      },
    });
    const { context } = await server.begin();
    for (const path of [`/tasks/${context.taskId}`, '/tasks']) {
      const stream = await server.open(path);
      expect(stream.status).toBe(500);
      expect(await stream.text()).toBe('');
    }
  });
});
