import { createTaskManager, type AsyncTask, type TaskManager, type TaskManagerOptions } from '../lib/index.js';
import { bareRequest } from './support/http/bare-request.js';
import { controlledJob } from './support/jobs/controlled-job.js';
import { ManualClock } from './support/clock/manual-clock.js';
import { turn } from './support/jobs/run-fixture.js';
import { codeOf } from './support/stores/store-fixtures.js';

const endless: AsyncTask = () => new Promise(() => undefined);
const KEY = 'Zk3aB-_0123456789abcdw';

describe('TaskManager', () => {
  let clock: ManualClock;
  let tasks: TaskManager;
  let errors: unknown[];

  const open = (options: TaskManagerOptions = {}): void => {
    clock = new ManualClock();
    errors = [];
    tasks = createTaskManager({ clock, onTaskError: (error) => errors.push(error), ...options });
  };
  const start = async (job: AsyncTask = endless, options = {}): Promise<string> =>
    (await tasks.startTask(bareRequest(), job, options)).taskId;

  beforeEach(() => {
    open();
  });

  describe('completeTask', () => {
    it.each([
      ['completed', { rows: 3 }, { status: 'completed', result: { rows: 3 } }],
      ['failed', new Error('secret'), { status: 'failed', error: { code: 'TASK_FAILED', message: 'The task failed' } }],
      ['failed', undefined, { status: 'failed', error: { code: 'TASK_FAILED', message: 'The task failed' } }],
    ] as const)('ends a task as %s with %p', async (status, outcome, info) => {
      const taskId = await start();
      await tasks.completeTask(taskId, status, outcome);
      expect(await tasks.getTaskInfo(taskId)).toMatchObject(info);
      expect(errors).toEqual(status === 'failed' ? [outcome] : []);
    });

    it('is refused the second time, for an unknown task, and for a status that is not final', async () => {
      const taskId = await start();
      await tasks.completeTask(taskId, 'completed');
      expect(await codeOf(() => tasks.completeTask(taskId, 'failed', 1))).toBe('TASK_NOT_RUNNING');
      expect(await codeOf(() => tasks.completeTask('unknown', 'failed'))).toBe('TASK_NOT_FOUND');
      for (const status of ['cancelled', 'running', '', undefined, 'constructor']) {
        expect(await codeOf(() => tasks.completeTask(taskId, status as 'failed'))).toBe('INVALID_OPTION');
      }
    });
  });

  it('appends progress from outside, in order with the job, and refuses it after the end', async () => {
    const taskId = await start();
    await tasks.updateProgress(taskId, 1);
    await tasks.updateProgress(taskId, 2);
    expect(await tasks.getTaskInfo(taskId)).toMatchObject({ progress: 2, lastSeq: 2 });
    expect(await codeOf(() => tasks.updateProgress(taskId, undefined))).toBe('UNSERIALIZABLE');
    await tasks.completeTask(taskId, 'completed');
    expect(await codeOf(() => tasks.updateProgress(taskId, 3))).toBe('TASK_NOT_RUNNING');
    expect(await codeOf(() => tasks.updateProgress('unknown', 3))).toBe('TASK_NOT_FOUND');
  });

  it('cancels with the given reason, or with a default one, which clients see', async () => {
    const [one, other] = [await start(), await start()];
    expect(await tasks.cancelTask(one, 'The user closed the dialog')).toBe(true);
    expect(await tasks.cancelTask(other)).toBe(true);
    expect(await tasks.cancelTask(one)).toBe(false);
    const messages = await Promise.all([one, other].map(async (id) => (await tasks.getTaskInfo(id)).error?.message));
    expect(messages).toEqual(['The user closed the dialog', 'The task was cancelled']);
    expect(await codeOf(() => tasks.cancelTask('unknown'))).toBe('TASK_NOT_FOUND');
  });

  it('describes a task by getTaskInfo', async () => {
    const taskId = await start(async ({ updateProgress }) => {
      await updateProgress({ step: 1 });
      return 'done';
    });
    clock.advance(1_000);
    await turn();
    const info = await tasks.getTaskInfo(taskId);
    expect(info).toEqual({
      ...{ taskId, resumeKey: expect.any(String), status: 'completed', attempt: 1, lastSeq: 2, firstKeptSeq: 1 },
      ...{
        bufferedEvents: 2,
        bufferedBytes: expect.any(Number),
        subscribers: 0,
        progress: { step: 1 },
        result: 'done',
      },
      createdAt: new Date(clock.startedAtMs),
      updatedAt: new Date(clock.startedAtMs + 1_000),
      endedAt: new Date(clock.startedAtMs + 1_000),
      expiresAt: new Date(clock.startedAtMs + 1_000 + 3_600_000),
    });
  });

  it('lists a hundred tasks unless told otherwise, newest first', async () => {
    const ids: string[] = [];
    for (let n = 0; n < 105; n++) ids.push(await start());
    await tasks.cancelTask(ids[104]!);
    const listed = async (...args: Parameters<TaskManager['listTasks']>): Promise<string[]> =>
      (await tasks.listTasks(...args)).map(({ taskId }) => taskId);
    expect(await listed()).toEqual(ids.slice(5).reverse());
    expect(await listed({ limit: 2 })).toEqual([ids[104], ids[103]]);
    expect(await listed({ limit: 1, status: 'running' })).toEqual([ids[103]]);
    expect(await listed({ limit: 0 })).toEqual([]);
    expect(await listed({ limit: Infinity })).toHaveLength(105);
  });

  it('lists tasks without their progress and result, which may be large', async () => {
    const taskId = await start();
    await tasks.updateProgress(taskId, 'x'.repeat(1_000));
    await tasks.completeTask(taskId, 'completed', 'y'.repeat(1_000));
    const [listed] = await tasks.listTasks();
    expect(listed).toMatchObject({ taskId, status: 'completed', lastSeq: 2 });
    for (const text of ['progress', 'result']) expect(listed).not.toHaveProperty(text);
  });

  it.each([-1, NaN, 1.5, '5', null])('refuses to list up to %p', async (limit) => {
    await start();
    expect(await codeOf(() => tasks.listTasks({ limit: limit as number }))).toBe('INVALID_OPTION');
  });

  it('counts its tasks, subscribers and memory', async () => {
    const ids = [await start(), await start(), await start(), await start(() => 1)];
    await turn();
    await tasks.cancelTask(ids[0]!);
    await tasks.completeTask(ids[1]!, 'failed');
    const { bufferedBytes, ...counts } = tasks.getStatistics();
    expect(counts).toEqual({
      ...{ running: 1, settling: 2, finished: 3, tombstones: 0, connections: 0 },
      ...{ started: 4, completed: 1, failed: 1, cancelled: 1 },
    });
    expect(bufferedBytes).toBeGreaterThan(0);
  });

  describe('startTask', () => {
    it('hands the input over and runs for its own times', async () => {
      const controlled = controlledJob();
      const taskId = await start(controlled.job, { input: { a: 1 }, timeoutMs: 50 });
      expect((await controlled.run()).context.input).toEqual({ a: 1 });
      clock.advance(50);
      expect((await tasks.getTaskInfo(taskId)).error?.code).toBe('TASK_TIMEOUT');
    });

    it('starts once under one idempotency key, and refuses another input', async () => {
      const job = jest.fn(endless);
      const one = await start(job, { idempotencyKey: 'k', input: 1 });
      expect(await start(job, { idempotencyKey: 'k', input: 1 })).toBe(one);
      expect(await codeOf(() => start(job, { idempotencyKey: 'k', input: 2 }))).toBe('KEY_REUSED');
      await turn();
      expect(job).toHaveBeenCalledTimes(1);
    });

    it.each<[string, object, string]>([
      ['timeoutMs', { timeoutMs: 0 }, 'INVALID_OPTION'],
      ['timeoutMs', { timeoutMs: NaN }, 'INVALID_OPTION'],
      ['abandonAfterMs', { abandonAfterMs: -1 }, 'INVALID_OPTION'],
      ['idempotencyKey', { idempotencyKey: 'a b' }, 'INVALID_INPUT'],
      ['idempotencyKey', { idempotencyKey: 'x'.repeat(256) }, 'INVALID_INPUT'],
      ['idempotencyKey', { idempotencyKey: '' }, 'INVALID_INPUT'],
    ])('refuses a bad %s, and starts nothing', async (_, options, code) => {
      expect(await codeOf(() => start(endless, options))).toBe(code);
      expect(tasks.getStatistics()).toMatchObject({ running: 0, started: 0 });
    });

    it.each([undefined, null, 'job', {}])('refuses the job %p', async (job) => {
      expect(await codeOf(() => tasks.startTask(bareRequest(), job as never))).toBe('INVALID_OPTION');
      expect(await codeOf(() => tasks.executeWithSSE(bareRequest(), null, null, job as never))).toBe('INVALID_OPTION');
    });
  });

  describe('executeWithSSE', () => {
    it('starts a task, then attaches to it by its key, whatever job is given', async () => {
      const other = jest.fn(endless);
      const first = await tasks.executeWithSSE(bareRequest(), null, 'ann', endless);
      const second = await tasks.executeWithSSE(bareRequest(), first.resumeKey, 'ann', other);
      expect(first).toMatchObject({ resumed: false, position: 0 });
      expect(second).toMatchObject({ taskId: first.taskId, resumeKey: first.resumeKey, resumed: true });
      await turn();
      expect(other).not.toHaveBeenCalled();
      expect(tasks.getStatistics().started).toBe(1);
    });

    it.each<[string, unknown, string]>([
      ['unknown', KEY, 'TASK_NOT_FOUND'],
      ['malformed', '../x', 'INVALID_RESUME_KEY'],
      ['an array', [KEY, KEY], 'INVALID_RESUME_KEY'],
      ['an object', { x: 1 }, 'INVALID_RESUME_KEY'],
    ])('starts nothing for a key that is %s', async (_, resumeKey, code) => {
      const call = (): unknown => tasks.executeWithSSE(bareRequest(), resumeKey as string, null, endless);
      expect(await codeOf(call)).toBe(code);
      expect(tasks.getStatistics().started).toBe(0);
    });

    it('uses its own time-out', async () => {
      const { taskId } = await tasks.executeWithSSE(bareRequest(), '', undefined, endless, 50);
      clock.advance(50);
      expect((await tasks.getTaskInfo(taskId)).error?.code).toBe('TASK_TIMEOUT');
    });
  });

  it.each([-1, 1.5, NaN, '5', null])('refuses to stop after %p ms, and goes on', async (graceMs) => {
    expect(await codeOf(() => tasks.stop({ graceMs: graceMs as number }))).toBe('INVALID_OPTION');
    await start();
    expect(tasks.getStatistics().running).toBe(1);
    await tasks.stop({ graceMs: 0 });
  });

  it('stops once, however often it is called', async () => {
    await start();
    const [first, second] = [tasks.stop(), tasks.stop({ graceMs: 1_000 })];
    await second;
    await first;
    expect(tasks.getStatistics()).toMatchObject({ running: 0, cancelled: 1 });
    expect(await codeOf(() => start())).toBe('SHUTDOWN');
    expect(clock.timers).toBe(0);
  });
});

describe('a task id or a reason of a wrong type', () => {
  it.each<[what: string, ref: unknown]>([
    ['with an owner that is misspelt', { slot: 'chat', ownr: 'bob' }],
    ['with an owner that is null', { slot: 'chat', owner: null }],
    ['with an owner that is empty', { slot: 'chat', owner: '' }],
    ['by its id, with an owner, who would not count', { taskId: 'x', owner: 'bob' }],
    ['in two ways', { slot: 'chat', taskId: 'x' }],
    ['in no way', {}],
    ['by nothing', null],
    ['by a slot that is no text', { slot: 5 }],
  ])('is refused and not looked up: %s', async (_what, ref) => {
    const tasks = createTaskManager();
    await tasks.start(() => new Promise(() => undefined), { slot: 'chat' });
    await expect(tasks.find(ref as never)).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    expect(await tasks.find({ slot: 'chat', owner: undefined })).toMatchObject({ status: 'running' });
    await tasks.stop();
  });

  it.each([5, null, Symbol('a'), Object.create(null)])('is refused as the reason of a cancel', async (reason) => {
    const tasks = createTaskManager();
    const { taskId } = await tasks.start(() => new Promise(() => undefined));
    await expect(tasks.cancelTask(taskId, reason as never)).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    expect(await tasks.getTaskInfo(taskId)).toMatchObject({ status: 'running' });
    await tasks.stop();
  });
});
