import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { TaskError, type TaskStream } from '../../lib/index.js';
import { Client, Reader } from './client.js';
import type { TaskModel } from './task-model.js';
import type { World } from './world.js';

type Run = (world: World) => Promise<void>;
export type Command = fc.AsyncCommand<World, null>;

/** A command that acts on the model and on the library, after which both are compared. */
function command<T>(
  name: string,
  values: { [K in keyof T]: fc.Arbitrary<T[K]> },
  act: (world: World, values: T) => Promise<void>,
  possible: (world: Pick<World, 'tasks' | 'clients' | 'readers'>) => boolean = () => true,
): fc.Arbitrary<Command> {
  return fc.record(values).map((drawn): Command => {
    const run: Run = async (world) => {
      await act(world, drawn);
      await world.check();
    };
    return {
      check: (world) => possible(world),
      run,
      toString: () => `${name}(${describe(drawn)})`,
    };
  });
}

const hasTask = (world: Pick<World, 'tasks'>): boolean => world.tasks.length > 0;
const hasClient = (world: Pick<World, 'clients'>): boolean => world.clients.length > 0;

/** Which one, counted from the newest: most of what happens happens to few. */
const index = fc.constantFrom(0, 0, 0, 0, 1, 1, 2, 3, 7, 20);
const owner = fc.constantFrom(undefined, 'anna', 'bert');
const subscriberId = fc.constantFrom(undefined, 'phone', 'phone', 'desk');
const taking = fc.constantFrom(true, true, false);
const highWaterMark = fc.constantFrom(1, 300, 16_384);
const pads = fc.constantFrom('x', 'ä☃', '\n\r\n', '\u2028"\\', '\ud800', ': \ufeff', '😀');
const outside = fc.boolean();

/** Text of up to `bytes` bytes of JSON. */
const padOf = (unit: string, bytes: number): string =>
  unit.repeat(Math.max(0, Math.floor(bytes / (JSON.stringify(unit).length * 3))));

interface Connecting {
  taking: boolean;
  highWaterMark: number;
}

const start = command<{
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

async function connect(
  world: World,
  task: TaskModel,
  who: string | undefined,
  stream: TaskStream,
  position: number,
  connecting: Connecting,
): Promise<void> {
  const client = new Client(task, who);
  world.clients.push(client);
  await world.connect(client, stream, position, connecting);
}

/** A start in a slot, where another task may run. */
const startInSlot = command<{
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
const burst = command<{ owner: string | undefined; times: number }>(
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

const progress = command<{ task: number; count: number; pad: string; bytes: number; outside: boolean }>(
  'progress',
  { task: index, count: fc.integer({ min: 1, max: 40 }), pad: pads, bytes: fc.nat(1_000), outside },
  async (world, { task: at, count, pad, bytes, outside: fromOutside }) => {
    const task = world.task(at);
    const update = fromOutside
      ? (data: object) => world.manager.updateProgress(task.taskId, data)
      : task.context!.updateProgress;
    if (task.status !== 'running') return late(world, task, fromOutside, () => update({}));
    const promises: Promise<void>[] = [];
    for (let n = 0; n < count; n++) {
      const data = task.payload(padOf(pad, Math.min(bytes, world.settings.maxEventBytes - 60)));
      promises.push(update(data));
      task.log(undefined, data);
    }
    await Promise.all(promises);
  },
  hasTask,
);

const named = command<{ task: number; name: string; pad: string }>(
  'emit',
  { task: index, name: fc.constantFrom('row', 'a b', 'été: ☃', '__proto__'), pad: pads },
  async (world, { task: at, name, pad }) => {
    const task = world.task(at);
    if (task.status !== 'running') return late(world, task, false, () => task.context!.emit(name, 1));
    const data = task.payload(pad);
    const promise = task.context!.emit(name, data);
    task.log(name, data);
    await promise;
  },
  hasTask,
);

/** What comes after the end is refused, whoever says it. */
function late(world: World, task: TaskModel, fromOutside: boolean, act: () => Promise<unknown>): Promise<void> {
  if (!fromOutside || task.gone === undefined) return world.refuses('TASK_NOT_RUNNING', act);
  return world.rejects(act(), 'TASK_EXPIRED', 'TASK_NOT_FOUND');
}

const cycle: Record<string, unknown> = {};
cycle['self'] = cycle;
const throwing = {
  toJSON: () => {
    throw new RangeError('no');
  },
};
const UNSERIALIZABLE = [undefined, () => 1, Symbol('s'), 10n, cycle, throwing];
const BAD_NAMES = ['', 'a\nb', 'a\rb', 'a\0b', 'n'.repeat(129), '\u2028', '\ud800', 5, null, { toString: () => 'x' }];
const RESERVED = ['task', 'complete', 'failed', 'cancelled', 'gap', 'snapshot', 'open', 'error', 'message'];

const bad = command<{
  task: number;
  data: unknown;
  name: unknown;
  reserved: string;
  kind: string;
  outside: boolean;
  awaited: boolean;
}>(
  'emitBad',
  {
    task: index,
    data: fc.constantFrom(...UNSERIALIZABLE),
    name: fc.constantFrom(...BAD_NAMES),
    reserved: fc.constantFrom(...RESERVED),
    kind: fc.constantFrom('data', 'large', 'name', 'reserved'),
    outside,
    awaited: fc.boolean(),
  },
  async (world, { task: at, data, name, reserved, kind, outside: fromOutside, awaited }) => {
    const task = world.task(at);
    const { emit, updateProgress } = task.context!;
    const send = (what: unknown): Promise<void> =>
      fromOutside ? world.manager.updateProgress(task.taskId, what) : updateProgress(what);
    if (task.status !== 'running') return;
    world.expectedReports++;
    const refusals: Record<string, [string, () => Promise<void>]> = {
      data: ['UNSERIALIZABLE', () => send(data)],
      large: ['EVENT_TOO_LARGE', () => send('x'.repeat(world.settings.maxEventBytes - 1))],
      name: ['INVALID_EVENT_NAME', () => emit(name as string, 1)],
      reserved: ['RESERVED_EVENT_NAME', () => emit(reserved, 1)],
    };
    const [code, act] = refusals[kind]!;
    if (awaited || fromOutside) return world.refuses(code, act);
    // Progress need not be awaited: a refusal that nobody handles is no unhandled rejection.
    return world.leavesNoTrace(() => void act());
  },
  hasTask,
);

const LONG = 'too long '.repeat(2_000);

const end = command<{ task: number; how: string; outside: boolean; pad: string; bytes: number }>(
  'end',
  {
    task: index,
    how: fc.constantFrom('result', 'nothing', 'untellable', 'throw', 'throw nothing', 'TaskError', 'long TaskError'),
    outside,
    pad: pads,
    bytes: fc.nat(1_000),
  },
  async (world, { task: at, how, outside: fromOutside, pad, bytes }) => {
    const task = world.task(at);
    const { manager } = world;
    const complete = async (result: unknown): Promise<void> => {
      if (fromOutside) await manager.completeTask(task.taskId, 'completed', result);
      else task.resolve!(result);
    };
    const fail = async (error: unknown): Promise<void> => {
      if (fromOutside) await manager.completeTask(task.taskId, 'failed', error);
      else task.reject!(error);
    };
    if (task.status !== 'running') {
      if (fromOutside) await late(world, task, true, () => complete(1));
      return;
    }
    if (how === 'result' || how === 'nothing') {
      const room = Math.min(bytes, world.settings.maxEventBytes - 60);
      const result = how === 'result' ? task.payload(padOf(pad, room)) : undefined;
      await complete(result);
      world.end(task, 'completed', result === undefined ? {} : { result });
    } else {
      world.expectedReports++;
      if (how === 'untellable') await complete({ big: 1n });
      else if (how === 'throw') await fail(new Error('/etc/secret'));
      else if (how === 'throw nothing') await fail(undefined);
      else await fail(new TaskError('TASK_FAILED', how === 'TaskError' ? 'no more paper' : LONG));
      await world.settle();
      const { error } = await manager.getTaskInfo(task.taskId);
      const told = how.startsWith('throw') ? 'The task failed' : how === 'TaskError' ? 'no more paper' : error!.message;
      const code = how === 'untellable' ? 'UNSERIALIZABLE' : 'TASK_FAILED';
      assert.ok(
        how !== 'long TaskError' || (told.length > 50 && LONG.startsWith(told.replace(/…$/, ''))),
        'a long message is told from its start',
      );
      world.end(task, 'failed', { error: { code, message: told } });
    }
    await world.settle();
    await manager.getTaskInfo(task.taskId); // a task that has just ended is kept, however short memory is
  },
  hasTask,
);

const cancel = command<{ task: number; reason: string | undefined }>(
  'cancel',
  { task: index, reason: fc.constantFrom(undefined, 'enough\n', '') },
  async (world, { task: at, reason }) => {
    const task = world.task(at);
    const act = (): Promise<boolean> => world.manager.cancelTask(task.taskId, reason);
    if (task.gone !== undefined) return world.rejects(act(), 'TASK_EXPIRED', 'TASK_NOT_FOUND');
    const running = task.status === 'running';
    assert.equal(await act(), running, 'the first outcome wins');
    if (!running) return;
    const code = 'TASK_CANCELLED';
    world.end(task, 'cancelled', { code, reason: reason ?? 'The task was cancelled' }, code);
  },
  hasTask,
);

const attach = command<{
  task: number;
  owner: string | undefined;
  cursor: string;
  part: number;
  via: string;
  subscriberId: string | undefined;
  connecting: Connecting;
  reader: boolean;
}>(
  'attach',
  {
    task: index,
    owner: fc.constantFrom('own', 'own', 'own', 'own', undefined, 'anna', 'bert'),
    cursor: fc.constantFrom('none', 'none', 'valid', 'oldest', 'end', 'ahead', 'far'),
    part: fc.nat(1_000),
    via: fc.constantFrom('header', 'key and header', 'query id', 'query seq', 'header over query'),
    subscriberId,
    connecting: fc.record({ taking, highWaterMark }),
    reader: fc.constantFrom(false, false, true),
  },
  async (world, { task: at, owner: as, cursor, part, via, subscriberId, connecting, reader }) => {
    const task = world.task(at);
    const who = world.nameOf(subscriberId);
    const last = task.events.length;
    const seqs = { valid: part % (last + 1), oldest: 0, end: last, ahead: last + 1 + (part % 5), far: 2 ** 53 - 1 };
    const seq = cursor === 'none' ? undefined : seqs[cursor as keyof typeof seqs];
    const request = {
      ...requestFor(task.resumeKey, seq, via),
      owner: as === 'own' ? task.owner : as,
      subscriberId: who,
    };
    const outcomes = world.lookup(task, request.owner);
    if (outcomes.length > 1) return world.rejects(world.attach(request), ...(outcomes as string[]));
    const [refusal] = outcomes;
    if (refusal !== undefined) return world.refuses(refusal, () => world.attach(request));
    const stream = await world.attach(request);
    assert.ok(stream.resumed);
    const position = seq ?? task.startOf(who);
    if (!reader) return connect(world, task, who, stream, position, connecting);
    assert.equal(stream.position, position);
    world.readers.push(new Reader(task, stream, who));
  },
  hasTask,
);

/** The ways in which key and position come along. */
function requestFor(
  key: string,
  seq: number | undefined,
  via: string,
): { key?: string; url?: string; lastEventId?: string } {
  if (seq === undefined) return via.startsWith('query') ? { url: `/job?resume_key=${key}` } : { key };
  const id = `${key}.${seq}`;
  switch (via) {
    case 'header':
      return { lastEventId: id };
    case 'key and header':
      return { key, lastEventId: id };
    case 'query id':
      return { url: `/job?last_event_id=${id}` };
    case 'query seq':
      return { url: `/job?resume_key=${key}&last_event_id=${seq}` };
    default:
      return { url: `/job?last_event_id=${key}.3`, lastEventId: id };
  }
}

const pull = command<{ reader: number; count: number }>(
  'pull',
  { reader: index, count: fc.constantFrom(1, 2, 5, 60) },
  async (world, { reader: at, count }) => {
    await pullFrom(world, world.reader(at), count);
  },
  (world) => world.readers.length > 0,
);

async function pullFrom(world: World, reader: Reader, count: number): Promise<void> {
  const { task } = reader;
  if (!reader.joined && world.fading(task)) return;
  for (let n = 0; n < count && !reader.pending && !reader.over; n++) {
    const full = world.isFull(task);
    reader.pull();
    await world.settle();
    if (reader.joined) continue;
    const refusal = task.gone !== undefined ? 'TASK_EXPIRED' : full ? 'TOO_MANY_SUBSCRIBERS' : undefined;
    assert.equal(reader.failure?.code, refusal, 'an iterator is refused like a connection');
    if (refusal !== undefined) break;
    task.join(reader.subscriberId);
    reader.position = Math.min(reader.position, task.events.length);
    reader.attached = reader.joined = true;
    await world.settle(); // where there was nothing to read it is over by now
  }
}

/** Somebody inside the process looks at some events and goes. */
const visit = command<{ task: number; subscriberId: string; count: number }>(
  'visit',
  { task: index, subscriberId: fc.constantFrom('phone', 'desk'), count: fc.constantFrom(1, 2, 5) },
  async (world, { task: at, subscriberId, count }) => {
    const task = world.task(at);
    const who = world.nameOf(subscriberId);
    if (task.gone !== undefined) return;
    const position = task.startOf(who);
    const reader = new Reader(
      task,
      await world.attach({ key: task.resumeKey, owner: task.owner, subscriberId: who }),
      who,
    );
    assert.equal(reader.position, position, 'a subscriber goes on where it left off');
    world.readers.push(reader);
    await pullFrom(world, reader, count);
    if (!reader.pending) await reader.leave();
  },
  hasTask,
);

const leave = command<{ reader: number }>(
  'leave',
  { reader: index },
  async (world, { reader: at }) => {
    const reader = world.reader(at);
    if (!reader.pending) await reader.leave();
  },
  (world) => world.readers.length > 0,
);

const read = command<{ client: number; bytes: number }>(
  'read',
  { client: index, bytes: fc.constantFrom(1, 40, 333, 5_000, Infinity) },
  async (world, { client: at, bytes }) => {
    world.client(at).connection?.res.take(bytes);
  },
  hasClient,
);

const switchTaking = command<{ client: number; taking: boolean }>(
  'take',
  { client: index, taking: fc.boolean() },
  async (world, { client: at, taking: on }) => {
    const res = world.client(at).connection?.res;
    if (res === undefined) return;
    res.taking = on;
    if (on) res.take(Infinity);
  },
  hasClient,
);

const drop = command<{ client: number }>(
  'drop',
  { client: index },
  async (world, { client: at }) => {
    world.client(at).connection?.res.drop();
  },
  hasClient,
);

/** A client whose connection broke comes back, as a page, an EventSource, or a proxy's retry does. */
const comeBack = command<{ client: number; by: 'position' | 'subscriber id'; connecting: Connecting }>(
  'comeBack',
  {
    client: index,
    by: fc.constantFrom('position', 'position', 'subscriber id'),
    connecting: fc.record({ taking, highWaterMark }),
  },
  async (world, { client: at, by, connecting }) => {
    const client = world.client(at);
    const { task, connection } = client;
    const who = world.nameOf(client.subscriberId);
    if (connection === undefined || !connection.left || task.gone !== undefined) return;
    client.collect();
    const { taken } = connection;
    const position = by === 'position' ? taken.position : undefined;
    const request = position === undefined ? { key: task.resumeKey } : { lastEventId: `${task.resumeKey}.${position}` };
    const stream = await world.attach({ ...request, owner: task.owner, subscriberId: who });
    const expected = position ?? task.startOf(who);
    if (position === undefined) {
      // What was sent and did not arrive is only asked for again by those who know where they are.
      client.lost.push({ from: (client.seen.at(-1) ?? 0) + 1, to: expected });
      if (expected < (client.seen.at(-1) ?? 0)) client.forget();
    }
    await world.connect(client, stream, expected, connecting);
  },
  hasClient,
);

const refused = command<{ task: number; kind: string; text: string }>(
  'refused',
  {
    task: index,
    kind: fc.constantFrom(
      ...['unknown key', 'bad key', 'bad cursor', 'strange cursor', 'HEAD', 'prefetch', 'cross-site'],
      ...['bad idempotency key', 'bad time-out', 'no job', 'unknown task', 'bad status'],
    ),
    text: fc.constantFrom('abc', '-1', '1.5.5', '1e3', '007', ' 5', '9007199254740992', '1, 2', '☃', '__proto__'),
  },
  async (world, { task: at, kind, text }) => {
    const { manager } = world;
    const task = world.tasks.length > 0 ? world.task(at) : undefined;
    const key = task?.resumeKey ?? 'A'.repeat(22);
    const job = world.newTask({}).job;
    const owned = task?.owner;
    const execute =
      (url: string, headers: Record<string, string> = {}, method = 'GET', resumeKey?: string) =>
      () =>
        manager.executeWithSSE(world.request(url, owned, headers, method), resumeKey, undefined, job);
    switch (kind) {
      case 'unknown key':
        return world.refuses('TASK_NOT_FOUND', execute('/job', {}, 'GET', '_'.repeat(22)));
      case 'bad key':
        return world.refuses('INVALID_RESUME_KEY', execute('/job', {}, 'GET', text));
      case 'bad cursor':
        return world.refuses('INVALID_CURSOR', execute('/job', { 'last-event-id': `${key}.${text}` }));
      case 'strange cursor':
        return world.refuses('INVALID_CURSOR', execute('/job', { 'last-event-id': `${'B'.repeat(22)}.1` }, 'GET', key));
      case 'HEAD':
        return world.refuses('METHOD_NOT_ALLOWED', execute('/job', {}, 'HEAD'));
      case 'prefetch':
        return world.refuses('PREFETCH_REFUSED', execute('/job', { 'sec-purpose': 'prefetch;prerender' }));
      case 'cross-site':
        return world.refuses('ORIGIN_NOT_ALLOWED', execute('/job', { 'sec-fetch-site': 'cross-site' }));
      case 'bad idempotency key':
        return world.refuses('INVALID_INPUT', execute('/job', { 'idempotency-key': 'a b' }));
      case 'bad time-out':
        if (world.refusal(owned) === 'SHUTDOWN' || world.refusal(owned) === 'AT_CAPACITY') return;
        return world.refuses('INVALID_OPTION', () =>
          manager.executeWithSSE(world.request('/job', owned), undefined, undefined, job, NaN),
        );
      case 'no job':
        return world.refuses('INVALID_OPTION', () =>
          manager.executeWithSSE(world.request('/job', owned), undefined, undefined, 'job' as never),
        );
      case 'unknown task':
        await world.refuses('TASK_NOT_FOUND', () => manager.getTaskInfo(text));
        await world.refuses('TASK_NOT_FOUND', () => manager.cancelTask(text));
        await world.refuses('TASK_NOT_FOUND', () => manager.updateProgress(text, 1));
        return world.refuses('TASK_NOT_FOUND', () => manager.completeTask(text, 'completed'));
      default:
        return world.refuses('INVALID_OPTION', () => manager.completeTask(task?.taskId ?? '', text as never));
    }
  },
);

const tick = command<{ ms: number }>(
  'tick',
  { ms: fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 3_000 })) },
  (world, { ms }) => world.tick(ms),
);

const jump = command<{ ms: number }>(
  'jumpWallClock',
  { ms: fc.constantFrom(-3_600_000, 3_600_000, -86_400_000, 86_400_000, 2 ** 31 * 1_000) },
  async (world, { ms }) => {
    world.clock.jumpedMs += ms;
  },
);

const stop = command<{ twice: boolean }>('stop', { twice: fc.boolean() }, async (world, { twice }) => {
  await Promise.all([world.manager.stop(), ...(twice ? [world.manager.stop({ graceMs: 1_000 })] : [])]);
  world.stopped = true;
  for (const task of world.running) {
    const { code, message } = task.context!.signal.reason as TaskError;
    assert.equal(code, 'SHUTDOWN');
    world.end(task, 'cancelled', { code, reason: message }, code);
  }
});

/** Weights by repetition: most of a run is events, attaching, leaving and coming back. */
export const commands: fc.Arbitrary<Command>[] = [
  ...[start, start, burst, startInSlot],
  ...[progress, progress, progress, progress, progress, named, bad],
  ...[end, cancel],
  ...[attach, attach, attach, attach, comeBack, comeBack, comeBack, comeBack],
  ...[read, read, switchTaking, drop, drop, pull, pull, visit, visit, leave],
  ...[tick, tick, tick, jump, refused],
];
export const finalCommands: fc.Arbitrary<Command>[] = [stop];

/** Drawn values in short: a counterexample is read by people. */
function describe(drawn: object): string {
  const texts = Object.entries(drawn).map(([name, value]) =>
    typeof value === 'object' && value !== null
      ? `${name}: {${describe(value as object)}}`
      : `${name}: ${String(value)}`,
  );
  return texts.join(', ').replaceAll('\n', '\\n');
}
