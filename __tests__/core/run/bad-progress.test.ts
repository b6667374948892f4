import { ProcessGuard } from '../../support/processes/process-guard.js';
import { useStartedTasks, type StartedTask } from '../../support/jobs/started-task.js';
import { ManualClock } from '../../support/clock/manual-clock.js';

const start = useStartedTasks();

/** That `attempt` is refused with `code`, that nothing was appended, and that the task goes on with the next seq. */
async function expectNothingAppended(started: StartedTask, code: string, attempt: () => Promise<void>): Promise<void> {
  const { tasks, stream, context, errors } = started;
  const before = await tasks.getTaskInfo(stream.taskId);
  await expect(attempt()).rejects.toMatchObject({ name: 'TaskError', code });
  expect(await tasks.getTaskInfo(stream.taskId)).toEqual(before);
  expect(errors).toEqual([expect.objectContaining({ code })]);
  await context.updateProgress('next');
  expect((await tasks.getTaskInfo(stream.taskId)).lastSeq).toBe(before.lastSeq + 1);
}

describe('an event name', () => {
  const MALFORMED = ['a\nb', 'a\rb', 'a\r\nb', 'a\0', '\n', 'a\u2028b', 'a\u0085b', 'a\ud800', '', 'x'.repeat(129)];

  it.each([...MALFORMED, 'x'.repeat(1_000_000), 1, null, undefined, {}, ['a'], Symbol('a')])(
    'is refused when it is malformed (case %#)',
    async (name) => {
      const started = await start({ clock: new ManualClock() });
      await expectNothingAppended(started, 'INVALID_EVENT_NAME', () => started.context.emit(name as string, 1));
    },
  );

  it.each(['task', 'complete', 'failed', 'cancelled', 'gap', 'snapshot', 'open', 'error', 'message'])(
    'is refused when it is the reserved %s',
    async (name) => {
      const started = await start({ clock: new ManualClock() });
      await expectNothingAppended(started, 'RESERVED_EVENT_NAME', () => started.context.emit(name, 1));
    },
  );

  it.each(['a', 'Task', 'completed', 'x'.repeat(128), 'schön', '😀', 'a:b', ' a', 'data'])(
    'may be any other text, such as %j',
    async (name) => {
      const { context, stream, finish } = await start();
      await context.emit(name, 1);
      finish();
      for await (const event of stream) {
        expect(event).toEqual({ kind: 'event', seq: 1, event: name, data: 1 });
        break;
      }
    },
  );
});

describe('a promise in place of data', () => {
  it.each<[string, (data: Promise<never>) => unknown]>([
    ['itself', (data) => data],
    ['within an object', (data) => ({ rows: [data] })],
  ])('is refused, and its rejection ends no process: %s', async (_where, wrap) => {
    const guard = new ProcessGuard();
    const started = await start({ clock: new ManualClock() });
    const rejected = (): unknown => wrap(Promise.reject(new Error('Nobody awaits this')));
    await expectNothingAppended(started, 'UNSERIALIZABLE', () => started.context.updateProgress(rejected()));
    await new Promise(setImmediate);
    expect(guard.take()).toEqual([]);
    guard.close();
  });
});

describe('data', () => {
  const cycle: Record<string, unknown> = {};
  cycle.self = cycle;
  const throwing = (): never => {
    throw new Error('no');
  };
  let deep: unknown = 0;
  for (let depth = 0; depth < 20_000; depth++) deep = [deep];
  const UNSERIALIZABLE: [what: string, data: unknown][] = [
    ['undefined', undefined],
    ['a function', () => 1],
    ['a symbol', Symbol('a')],
    ['what toJSON turns into undefined', { toJSON: () => undefined }],
    ['a BigInt', 1n],
    ['a nested BigInt', { n: [1n] }],
    ['a cycle', cycle],
    ['a throwing toJSON', { toJSON: throwing }],
    ['a throwing getter', Object.defineProperty({}, 'a', { get: throwing, enumerable: true })],
    ['a hostile Proxy', new Proxy({}, { ownKeys: throwing, get: throwing })],
    ['a revoked Proxy', revoked()],
    ['a depth of 20,000', deep],
  ];

  it.each(UNSERIALIZABLE)('is refused as progress and in an event where it is %s', async (_what, data) => {
    const started = await start({ clock: new ManualClock() });
    await expectNothingAppended(started, 'UNSERIALIZABLE', () => started.context.updateProgress(data));
    started.errors.length = 0;
    await expectNothingAppended(started, 'UNSERIALIZABLE', () => started.context.emit('note', data));
    started.errors.length = 0;
    const { tasks, stream } = started;
    await expectNothingAppended(started, 'UNSERIALIZABLE', () => tasks.updateProgress(stream.taskId, data));
  });

  // No result at all is legal, and a Proxy that throws makes the job's own promise reject.
  it.each(UNSERIALIZABLE.filter(([what]) => what !== 'undefined' && !what.endsWith('Proxy')))(
    'fails the task with UNSERIALIZABLE where it is the result and is %s',
    async (_what, result) => {
      const { finish, stream } = await start();
      finish(result);
      const events = [];
      for await (const event of stream) events.push(event);
      expect(events).toEqual([{ kind: 'failed', seq: 1, error: expect.objectContaining({ code: 'UNSERIALIZABLE' }) }]);
    },
  );

  it.each([
    ['ASCII', 98, 'x'],
    ['two bytes a character', 49, 'é'],
    ['four bytes a character', 24, '😀'],
  ])('is refused over maxEventBytes of UTF-8, and not before (%s)', async (_what, most, character) => {
    const started = await start({ maxEventBytes: 100, clock: new ManualClock() });
    await started.context.updateProgress(character.repeat(most));
    await expectNothingAppended(started, 'EVENT_TOO_LARGE', () =>
      started.context.updateProgress(character.repeat(most + 1)),
    );
    started.errors.length = 0;
    await expectNothingAppended(started, 'EVENT_TOO_LARGE', () =>
      started.context.emit('note', character.repeat(most + 1)),
    );
  });

  it('fails the task with EVENT_TOO_LARGE where it is a result over maxEventBytes', async () => {
    const { finish, stream, tasks } = await start({ maxEventBytes: 100 });
    finish('x'.repeat(99));
    for await (const event of stream) expect(event).toMatchObject({ error: { code: 'EVENT_TOO_LARGE' } });
    expect((await tasks.getTaskInfo(stream.taskId)).status).toBe('failed');
  });

  it('that is refused need not be awaited', async () => {
    const { context, errors, tasks, stream } = await start();
    void context.updateProgress(1n);
    void context.emit('a\nb', 1);
    await new Promise(setImmediate);
    expect(errors).toHaveLength(2);
    expect((await tasks.getTaskInfo(stream.taskId)).status).toBe('running');
  });
});

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}
