/** Commands that start tasks. */
import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { type TaskError, type TaskStream } from '../../../lib/index.js';
import { type Connecting, command, connect, highWaterMark, owner, subscriberId, taking } from './command.js';

export const start = command<{
  owner: string | undefined;
  key: string | undefined;
  payload: string;
  timeoutMs: number;
  heeds: boolean;
  attach: 'pipe' | 'never' | 'startTask';
  subscriberId: string | undefined;
  connecting: Connecting;
}>(
  'start',
  {
    owner,
    key: fc.constantFrom(undefined, undefined, 'k1', 'k2'),
    payload: fc.constantFrom('/job', '/job', '/job?other=1'),
    timeoutMs: fc.constantFrom(700, 5_000, 60_000, 60_000, Infinity, Infinity),
    heeds: fc.boolean(),
    attach: fc.constantFrom('pipe', 'never', 'startTask'),
    subscriberId,
    connecting: fc.record({ taking, highWaterMark }),
  },
  async (world, { payload: url, key, attach, connecting, subscriberId: who, ...draft }) => {
    const task = world.newTask({ ...draft, url, ...(key === undefined ? {} : { idempotencyKey: key }) });
    const headers = key === undefined ? {} : { 'idempotency-key': key };
    const req = world.request(url, draft.owner, headers);
    const asked = attach === 'pipe' ? world.nameOf(who) : undefined;
    const execute = (): Promise<TaskStream> =>
      world.manager.executeWithSSE(req, undefined, asked, task.job, task.timeoutMs);
    const begin = (): Promise<{ taskId: string; resumeKey: string }> =>
      attach === 'startTask' ? world.manager.startTask(req, task.job, { timeoutMs: task.timeoutMs }) : execute();
    const repeated = world.repeated(task);
    if (repeated !== undefined) {
      world.unwanted.push(task);
      // What startTask got as its input is part of its payload; what a request brought is in its URL.
      const same = repeated.url === url;
      if (!same) return world.refuses('KEY_REUSED', begin);
      const stream = await execute();
      assert.ok(stream.resumed, 'a repeated start finds the task');
      assert.equal(stream.taskId, repeated.taskId);
      if (attach === 'pipe') await connect(world, repeated, asked, stream, repeated.startOf(asked), connecting);
      return;
    }
    const refusal = world.refusal(task.owner);
    if (refusal !== undefined) {
      world.unwanted.push(task);
      return world.refuses(refusal, begin);
    }
    const stream = await begin();
    world.started(task, stream);
    if (attach === 'pipe') await connect(world, task, asked, stream as TaskStream, 0, connecting);
  },
);

/** A start in a slot, where another task may run. */
export const startInSlot = command<{
  owner: string | undefined;
  slot: string;
  onBusy: 'reject' | 'attach' | 'interrupt';
  timeoutMs: number;
  heeds: boolean;
}>(
  'startInSlot',
  {
    owner,
    slot: fc.constantFrom('a', 'a', 'b'),
    onBusy: fc.constantFrom('reject', 'attach', 'interrupt'),
    timeoutMs: fc.constantFrom(700, 60_000, Infinity),
    heeds: fc.constantFrom(true, true, false),
  },
  async (world, { onBusy, ...draft }) => {
    const task = world.newTask(draft);
    const { slot = '', owner: whose, timeoutMs } = task;
    const begin = (): Promise<{ taskId: string; resumeKey: string }> =>
      world.manager.start(task.job, { slot, onBusy, timeoutMs, ...(whose === undefined ? {} : { owner: whose }) });
    const refuse = (code: string): Promise<void> => {
      world.unwanted.push(task);
      return world.refuses(code, begin);
    };
    const occupant = world.occupant(task);
    if (world.stopped) return refuse('SHUTDOWN');
    if (occupant === undefined) {
      const refusal = world.refusal(whose);
      if (refusal !== undefined) return refuse(refusal);
    } else if (onBusy === 'reject') return refuse('SLOT_BUSY');
    else if (onBusy === 'attach') {
      world.unwanted.push(task);
      assert.equal((await begin()).taskId, occupant.taskId, 'who attaches finds what runs');
      return;
    } else {
      if (!occupant.heedsAbort) return; // the start waits for a job that ignores its signal
      const started = await begin();
      const code = 'TASK_SUPERSEDED';
      world.end(occupant, 'cancelled', { code, reason: 'Another task was started in its place' }, code);
      world.started(task, started);
      return;
    }
    world.started(task, await begin());
  },
);

/** The same start, several times at once, as a double click or a retrying proxy makes it. */
export const burst = command<{ owner: string | undefined; times: number }>(
  'burst',
  { owner, times: fc.integer({ min: 2, max: 6 }) },
  async (world, { times, ...draft }) => {
    const key = `burst ${world.tasks.length + world.unwanted.length}`.replace(' ', '-');
    const candidates = Array.from({ length: times }, () => world.newTask({ ...draft, idempotencyKey: key }));
    const refusal = world.refusal(candidates[0]!.owner);
    const streams = await Promise.allSettled(
      candidates.map((task) => {
        const req = world.request('/job', draft.owner, { 'idempotency-key': key });
        return world.manager.executeWithSSE(req, undefined, undefined, task.job, task.timeoutMs);
      }),
    );
    await world.settle();
    const found = streams.flatMap((stream) => (stream.status === 'fulfilled' ? stream.value : []));
    if (refusal !== undefined) assert.equal(found.length, 0);
    const fresh = found.filter(({ resumed }) => !resumed);
    assert.equal(fresh.length, refusal === undefined ? 1 : 0, 'the same start at the same time starts one task');
    assert.equal(new Set(found.map(({ taskId }) => taskId)).size, fresh.length);
    for (const [at, task] of candidates.entries()) {
      const stream = streams[at]!;
      if (stream.status === 'fulfilled' && !stream.value.resumed) world.started(task, stream.value);
      else world.unwanted.push(task);
      if (stream.status === 'rejected') {
        const { code } = stream.reason as TaskError;
        // While they all ask, each of them counts as running.
        assert.ok(code === refusal || code === 'AT_CAPACITY', `a start in a burst was refused with ${code}`);
      }
    }
  },
);
