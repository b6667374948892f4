import { ManualClock } from '../support/clock/manual-clock.js';
import { rawRequest, requestBytes } from '../support/http/raw-http.js';
import { expectRefused, get } from '../support/http/refusal.js';
import { startServerWithTask, useTaskServers, type TaskServer } from '../support/servers/task-server.js';

const UNKNOWN_ID = '00000000-0000-7000-8000-000000000000';

let server: Awaited<ReturnType<typeof startServerWithTask>>['server'];
let key: string;
let taskId: string;

beforeAll(async () => {
  ({ server, key, taskId } = await startServerWithTask());
});

afterAll(() => server.close());

describe('a task id', () => {
  const IDS = ['1', 'abc', '__proto__', 'constructor', '%00', '*', 'a.b', `${UNKNOWN_ID}x`, UNKNOWN_ID, '..%2Fx'];

  it.each(IDS)('such as %s leads to no task: not to its status, its result, its events, nor a cancel', async (id) => {
    const requests: [method: string, path: string][] = [
      ['GET', ''],
      ['GET', '/result'],
      ['GET', '/events'],
      ['DELETE', ''],
    ];
    for (const [method, path] of requests) {
      const bytes = requestBytes(method, `/tasks/${id}${path}`);
      await expectRefused(server, { bytes, method, status: 404, code: 'TASK_NOT_FOUND', secrets: [key] });
    }
  });

  it.each([...IDS, '', ' ', 'é', '\0'])('is unknown to getTaskInfo as %j', async (id) => {
    await expect(server.tasks.getTaskInfo(id)).rejects.toMatchObject({ code: 'TASK_NOT_FOUND' });
  });

  it.each([[['a']], [{ x: 1 }], [undefined], [null], [1]])('is unknown to getTaskInfo as the value %j', async (id) => {
    await expect(server.tasks.getTaskInfo(id as never)).rejects.toMatchObject({ code: 'TASK_NOT_FOUND' });
  });

  it('leads to a status that shows neither the key nor the owner nor the input of the task', async () => {
    const [response] = await rawRequest(server.port, get(`/tasks/${taskId}`));
    const status = JSON.parse(response?.body ?? '') as object;
    expect(Object.keys(status).sort()).toEqual(
      ['attempt', 'buffered_bytes', 'buffered_events', 'created_at', 'first_kept_seq'].concat([
        'last_seq',
        'progress',
        'status',
        'subscribers',
        'task_id',
        'updated_at',
      ]),
    );
    expect(response?.body).not.toContain(key);
  });
});

describe('a parameter that is left empty', () => {
  const start = useTaskServers();

  const expectNewTask = async (own: TaskServer, path: string, headers: Record<string, string> = {}): Promise<void> => {
    const { started } = own.tasks.getStatistics();
    const stream = await own.open(path, { headers });
    const task = await stream.next();
    expect(stream.status).toBe(200);
    expect(JSON.parse(task?.data ?? '')).toMatchObject({ resumed: false, position: 0 });
    expect(own.tasks.getStatistics().started).toBe(started + 1);
  };

  it.each(['/report', '/execute'])('counts as no resume key on %s, so a task starts', async (path) => {
    const own = await start();
    await expectNewTask(own, `${path}?resume_key=`);
    await expectNewTask(own, `${path}?resume_key`);
  });

  it.each(['/report', '/execute'])('counts as no cursor on %s', async (path) => {
    const own = await start();
    await expectNewTask(own, path, { 'Last-Event-ID': '' });
    await expectNewTask(own, `${path}?last_event_id=`);
  });
});

describe('a task whose time is over', () => {
  const start = useTaskServers();

  it('is answered with 410 while its tombstone is kept, then with 404', async () => {
    const clock = new ManualClock();
    const own = await start({ clock, ttlMs: 60_000, sweepIntervalMs: 1_000 });
    const run = await own.begin();
    const stream = await own.open(`/report?resume_key=${run.context.resumeKey}`);
    run.finish('done');
    await stream.rest();

    const expectGone = async (status: number, code: string): Promise<void> => {
      const { taskId: id, resumeKey } = run.context;
      for (const path of ['/report?', '/execute?', `/tasks/${id}/events?`, `/tasks/${id}?`, `/tasks/${id}/result?`]) {
        const bytes = get(`${path}resume_key=${resumeKey}`);
        await expectRefused(own, { bytes, status, code, secrets: [resumeKey] });
      }
    };
    clock.advance(61_000);
    await expectGone(410, 'TASK_EXPIRED');
    clock.advance(61_000);
    await expectGone(404, 'TASK_NOT_FOUND');
  });
});
