import { strict as assert } from 'node:assert';
import type { IncomingMessage } from 'node:http';
import {
  createTaskManager,
  type AsyncTask,
  type TaskInfo,
  type TaskManager,
  type TaskStream,
} from '../../lib/index.js';
import { MemoryResponse, fakeRequest } from '../support/memory-response.js';
import { ManualClock } from '../support/manual-clock.js';
import { Client, type Reader, type Connected } from './client.js';
import type { Home } from './home.js';
import { turns } from './property.js';
import { TaskModel } from './task-model.js';
import { Follow, Wire } from './wire.js';

export interface Settings {
  readonly hasOwners: boolean;
  readonly ttlMs: number;
  readonly sweepIntervalMs: number;
  readonly abandonAfterMs: number;
  readonly heartbeatMs: number;
  readonly stallTimeoutMs: number;
  readonly maxConnectionAgeMs: number;
  readonly maxEventsPerTask: number;
  readonly maxBytesPerTask: number;
  readonly maxEventBytes: number;
  readonly maxBufferedBytes: number;
  readonly maxRunningTasks: number;
  readonly maxTasksPerOwner: number;
  readonly maxSubscribersPerTask: number;
}

/** Between two looks at the tasks; shorter than every retention. */
const STEP_MS = 100;
export const OWNER_HEADER = 'x-owner';

/** A clock whose wall jumps, as an operator's or a time server's does. */
export class JumpingClock extends ManualClock {
  jumpedMs = 0;

  override wallNow(): number {
    return super.wallNow() + this.jumpedMs;
  }
}

/** The library beside a model of what it must do. Commands act on both; `check` compares them. */
export class World {
  readonly manager: TaskManager;
  readonly tasks: TaskModel[] = [];
  /** Jobs of starts that were refused or that found a task: none of them may ever run. */
  readonly unwanted: TaskModel[] = [];
  readonly clients: Client[] = [];
  readonly readers: Reader[] = [];
  stopped = false;
  reports = 0;
  expectedReports = 0;
  readonly ended = { started: 0, completed: 0, failed: 0, cancelled: 0 };
  readonly #closed: Connected[] = [];
  readonly #piping = new Set<Promise<void>>();

  constructor(
    readonly settings: Settings,
    readonly clock: JumpingClock,
    readonly home: Home,
  ) {
    const { hasOwners, ...options } = settings;
    const { store } = home;
    this.manager = createTaskManager({
      ...options,
      ...(store === undefined ? {} : { store }),
      ...(hasOwners ? { owner: (req: IncomingMessage) => req.headers[OWNER_HEADER] as string | undefined } : {}),
      clock: this.clock,
      onTaskError: () => {
        this.reports++;
      },
    });
  }

  get now(): number {
    return this.clock.now();
  }

  /** Memory is so short that finished tasks may have to go before their time. */
  get pressed(): boolean {
    return !this.home.outside && this.settings.maxBufferedBytes < 2 ** 30;
  }

  /** It has expired where it lives, and its copy here waits for the sweep: who reads from it may or may not be told. */
  fading({ gone }: TaskModel): boolean {
    if (!this.home.outside || gone === undefined) return false;
    return this.stopped || this.now < gone.by + this.settings.sweepIntervalMs; // who has stopped sweeps no more
  }

  /** Other instances go on without this one: who is attached here still is not counted, who leaves not remembered. */
  get departed(): boolean {
    return this.home.outside && this.stopped;
  }

  /** Nobody else may attach to the task. Whoever attaches to an instance that has left is not counted by any other. */
  isFull({ subscribers }: TaskModel): boolean {
    return !this.departed && subscribers >= this.settings.maxSubscribersPerTask;
  }

  /** How a subscriber calls itself, where that is heard. */
  nameOf(subscriberId: string | undefined): string | undefined {
    return this.departed ? undefined : subscriberId;
  }

  get running(): TaskModel[] {
    return this.tasks.filter(({ status }) => status === 'running');
  }

  task(index: number): TaskModel {
    return this.tasks.at(-1 - (index % this.tasks.length))!;
  }

  client(index: number): Client {
    return this.clients.at(-1 - (index % this.clients.length))!;
  }

  reader(index: number): Reader {
    return this.readers.at(-1 - (index % this.readers.length))!;
  }

  request(
    url: string,
    owner: string | undefined,
    headers: Record<string, string> = {},
    method = 'GET',
  ): IncomingMessage {
    return fakeRequest(url, { ...headers, ...(owner === undefined ? {} : { [OWNER_HEADER]: owner }) }, method);
  }

  newTask(draft: {
    owner?: string | undefined;
    idempotencyKey?: string;
    url?: string;
    timeoutMs?: number;
    heeds?: boolean;
    slot?: string;
  }): TaskModel {
    const { owner, idempotencyKey, url = '/job', timeoutMs = 10_000, heeds = true, slot } = draft;
    const visible = this.settings.hasOwners ? owner : undefined;
    const ordinal = this.tasks.length + this.unwanted.length;
    return new TaskModel(ordinal, visible, idempotencyKey, url, timeoutMs, this.now, heeds, slot);
  }

  /** The task that a start with the same idempotency key must find. */
  repeated({ owner, idempotencyKey }: TaskModel): TaskModel | undefined {
    if (idempotencyKey === undefined) return undefined;
    return this.tasks.find(
      (task) => task.gone === undefined && task.owner === owner && task.idempotencyKey === idempotencyKey,
    );
  }

  /** Why a start must be refused now, if at all. */
  refusal(owner: string | undefined): string | undefined {
    if (this.stopped) return 'SHUTDOWN';
    const settling = this.tasks.filter(({ settles }) => settles);
    if (this.running.length + settling.length >= this.settings.maxRunningTasks) return 'AT_CAPACITY';
    const own = [...this.running, ...settling].filter((task) => task.owner === owner);
    return own.length >= this.settings.maxTasksPerOwner ? 'TOO_MANY_TASKS' : undefined;
  }

  started(task: TaskModel, { taskId, resumeKey }: { taskId: string; resumeKey: string }): void {
    Object.assign(task, { taskId, resumeKey });
    this.tasks.push(task);
    this.ended.started++;
  }

  /** Pipes `stream` to `client` over a new connection. */
  async connect(
    client: Client,
    stream: TaskStream,
    start: number,
    options: { taking: boolean; highWaterMark: number },
  ) {
    const { task, subscriberId } = client;
    assert.equal(stream.taskId, task.taskId);
    assert.equal(stream.resumeKey, task.resumeKey);
    assert.equal(stream.position, start, 'the position that the stream starts from');
    const written = new Wire();
    const taken = new Wire();
    const res = new MemoryResponse({
      ...options,
      onWrite: (bytes) => {
        written.feed(bytes);
        connection.movedAt = this.now;
      },
      onReceive: (bytes) => {
        taken.feed(bytes);
      },
    });
    const follow = new Follow(task, start, stream.resumed);
    // Whoever is ahead of a log that has ended is told its last event once more.
    const end = task.events.length - (task.status === 'running' || start <= task.events.length ? 0 : 1);
    const times = { openedAt: this.now, movedAt: this.now, floor: Math.min(start, end) };
    const connection: Connected = { res, follow, written, taken, subscriberId, ...times, left: false };
    res.on('close', () => {
      if (client.connection === connection) this.#closed.push(connection);
    });
    res.on('drain', () => {
      connection.movedAt = this.now;
    });
    const full = this.isFull(task);
    const over = task.status !== 'running' && start === task.events.length;
    if (full && !over) {
      await this.rejects(stream.pipe(res.res), 'TOO_MANY_SUBSCRIBERS');
      assert.equal(res.status, undefined, 'a refused subscriber is told so before the headers');
      return;
    }
    const piping = stream.pipe(res.res);
    this.#piping.add(piping);
    void piping.then(() => this.#piping.delete(piping));
    if (!over) {
      client.connection = connection;
      task.join(subscriberId);
    }
    await this.settle();
    if (over) {
      assert.equal(res.status, 204, 'a client that has everything is told to stop');
      assert.equal(res.writes, 0);
      assert.ok(res.ended);
      return;
    }
    assert.equal(res.status, 200);
    assert.equal(res.headers['Content-Type'], 'text/event-stream');
    assert.equal(res.headers['X-Resume-Key'], task.resumeKey);
  }

  /** Lets everything happen that needs no time. */
  async settle(): Promise<void> {
    await this.home.settle();
    for (const connection of this.#closed.splice(0)) this.#leave(connection);
    for (const reader of this.readers) {
      if (!reader.over || !reader.attached) continue;
      reader.attached = false;
      reader.task.leave(reader.subscriberId, reader.position, this.now);
    }
  }

  async tick(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= STEP_MS) {
      await this.home.advance(Math.min(left, STEP_MS), () => this.settle());
      await this.check();
    }
  }

  /** Does what must be refused with `code` and must leave nothing behind. */
  async refuses(code: string, act: () => Promise<unknown>): Promise<void> {
    await this.leavesNoTrace(() => this.rejects(act(), code));
  }

  /** `promise` is refused with one of `codes`, and soon: what waits instead is not refused. */
  async rejects(promise: Promise<unknown>, ...codes: string[]): Promise<void> {
    const outcome = promise.then(
      () => 'nothing',
      (error: unknown) => (error as { code?: string }).code ?? String(error),
    );
    const waited = this.home.settle().then(() => 'no answer');
    const told = await Promise.race([outcome, waited.then(() => turns(16)).then(() => waited)]);
    assert.ok(codes.includes(told), `expected ${codes.join(' or ')}, got ${told}`);
  }

  async leavesNoTrace(act: () => Promise<void> | void): Promise<void> {
    const before = await this.#snapshot();
    await act();
    await this.settle();
    assert.deepEqual(await this.#snapshot(), before, 'what was refused left a trace');
  }

  /** What an attach to `task` by `owner` must be refused with, if at all; undecided where the model cannot know. */
  lookup(task: TaskModel, owner: string | undefined): readonly (string | undefined)[] {
    if (this.settings.hasOwners && owner !== task.owner) return ['TASK_NOT_FOUND'];
    if (task.gone === undefined) return [undefined];
    const { ttlMs, sweepIntervalMs } = this.settings;
    if (this.now < task.gone.after + ttlMs) return ['TASK_EXPIRED'];
    if (this.now >= task.gone.by + ttlMs + sweepIntervalMs && !this.stopped) return ['TASK_NOT_FOUND'];
    return ['TASK_EXPIRED', 'TASK_NOT_FOUND'];
  }

  /** Attaches with what a returning client may send. */
  attach(request: {
    key?: string;
    url?: string;
    owner: string | undefined;
    lastEventId?: string;
    subscriberId?: string | undefined;
  }) {
    const { key, url = '/job', owner, lastEventId, subscriberId } = request;
    const req = this.request(url, owner, lastEventId === undefined ? {} : { 'last-event-id': lastEventId });
    return this.manager.executeWithSSE(req, key, subscriberId, this.#never);
  }

  /** Compares the library with the model, as far as both have come. */
  async check(): Promise<void> {
    await this.settle();
    const infos = await this.manager.listTasks({ limit: Number.MAX_SAFE_INTEGER });
    const kept = new Map(infos.map((info) => [info.taskId, info]));
    assert.equal(kept.size, infos.length, 'a task is listed once');
    for (const task of this.tasks) {
      const info = kept.get(task.taskId);
      if (info !== undefined) await this.#checkListed(task, info);
      else if (task.gone === undefined) this.#checkGone(task);
      kept.delete(task.taskId);
    }
    assert.equal(kept.size, 0, 'nothing runs that was not started');
    await this.#checkSlots();
    for (const client of this.clients) this.#checkClient(client);
    for (const reader of this.readers) this.#checkReader(reader);
    for (const task of this.tasks) this.#checkRun(task);
    for (const { executions } of this.unwanted) assert.equal(executions, 0, 'a start that was not one ran its job');
    this.#checkStatistics(infos);
    assert.equal(this.reports, this.expectedReports, 'errors told to onTaskError');
  }

  /** In a slot runs the task that the model has there, and no other. */
  async #checkSlots(): Promise<void> {
    if (this.stopped) return;
    const inSlots = this.tasks.filter(({ slot }) => slot !== undefined);
    for (const { slot = '', owner } of inSlots) {
      const [there, ...others] = this.running.filter((task) => task.slot === slot && task.owner === owner);
      assert.equal(others.length, 0, 'one task runs in a slot');
      assert.equal((await this.manager.find({ slot, owner }))?.taskId, there?.taskId, `what runs in ${slot}`);
    }
  }

  /** The task that stands in the way of a start in a slot. */
  occupant({ slot, owner }: TaskModel): TaskModel | undefined {
    return this.running.find((task) => task.slot === slot && task.owner === owner);
  }

  /** Ends everything and sees that nothing is left. */
  async finish(): Promise<void> {
    for (const task of this.running) {
      task.resolve?.('done');
      task.end('completed', { result: 'done' }, this.now);
      this.ended.completed++;
    }
    for (const { connection } of this.clients) {
      if (connection === undefined || connection.left) continue;
      connection.res.taking = true;
      connection.res.take(Infinity);
    }
    await this.check();
    for (const { task, connection } of this.clients) {
      assert.ok(connection?.left ?? true, `${task.name} has ended, but a client that takes everything still waits`);
    }
    for (const reader of this.readers) {
      if (!reader.pending) await reader.leave();
      await this.check();
      assert.ok(reader.over, 'an iterator of an ended task waits for nothing');
    }
    for (const task of this.tasks.filter(({ gone }) => gone === undefined)) {
      const client = new Client(task, undefined);
      this.clients.push(client);
      const stream = await this.attach({ key: task.resumeKey, owner: task.owner });
      await this.connect(client, stream, 0, { taking: true, highWaterMark: 16_384 });
      await this.check();
      if (task.gone === undefined) assert.ok(client.connection?.follow.finished, 'an ended task is told to its end');
    }
    const { ttlMs, sweepIntervalMs } = this.settings;
    await this.tick(2 * (ttlMs + sweepIntervalMs) + STEP_MS);
    assert.equal(this.#piping.size, 0, 'every pipe is over');
    const timers = this.stopped ? 0 : this.home.timers;
    assert.equal(this.clock.timers, timers, `timers are left: every ${this.clock.periods.join()} ms`);
    const { running, connections, finished, tombstones, bufferedBytes } = this.manager.getStatistics();
    assert.deepEqual({ running, connections }, { running: 0, connections: 0 });
    if (!this.stopped)
      assert.deepEqual({ finished, tombstones, bufferedBytes }, { finished: 0, tombstones: 0, bufferedBytes: 0 });
  }

  readonly #never: AsyncTask = () => assert.fail('attaching ran a job');

  async #snapshot(): Promise<string> {
    const tasks = await this.manager.listTasks({ limit: Number.MAX_SAFE_INTEGER });
    return JSON.stringify([this.manager.getStatistics(), tasks, this.clock.timers, await this.home.keys()]);
  }

  #leave(connection: Connected): void {
    const { res, follow, written } = connection;
    connection.left = true;
    const position = written.events.length > 1 ? written.position! : connection.floor;
    follow.task.leave(connection.subscriberId, position, this.now);
    assert.deepEqual(res.misuse, []);
  }

  /** A list tells neither progress nor result; a task that has just ended is asked for both. */
  async #checkListed(task: TaskModel, info: TaskInfo): Promise<void> {
    const { progress, result } = info;
    assert.deepEqual({ progress, result }, { progress: undefined, result: undefined });
    const hasEnded = task.status === 'running' && info.status !== 'running';
    const whole = hasEnded ? await this.manager.getTaskInfo(task.taskId) : undefined;
    this.#checkTask(task, whole ?? info);
    if (whole === undefined) return;
    assert.equal(whole.progress === undefined ? undefined : JSON.stringify(whole.progress), task.progress);
    if (task.status !== 'completed') return;
    assert.deepEqual(whole.result, (JSON.parse(task.events.at(-1)!.json) as { result?: unknown }).result);
  }

  #checkTask(task: TaskModel, info: TaskInfo): void {
    const { name } = task;
    assert.equal(task.gone, undefined, `${name} came back`);
    if (task.status === 'running' && info.status !== 'running') {
      this.#checkEnded(task, info.error!, this.now - (this.clock.wallNow() - info.endedAt!.getTime()));
    }
    if (task.status === 'running') this.#checkDue(task);
    const { maxEventsPerTask, maxBytesPerTask, ttlMs, sweepIntervalMs } = this.settings;
    if (task.endedAt !== undefined && !this.stopped) {
      assert.ok(this.now < task.endedAt + ttlMs + sweepIntervalMs, `${name} is kept for too long`);
    }
    assert.equal(info.status, task.status, `status of ${name}`);
    assert.equal(info.lastSeq, task.events.length, `events of ${name}`);
    assert.ok(info.firstKeptSeq >= task.firstKept, `${name} has trimmed events back`);
    assert.ok(info.firstKeptSeq <= info.lastSeq + 1);
    task.firstKept = info.firstKeptSeq;
    task.seenAt = this.now;
    assert.equal(info.bufferedEvents, info.lastSeq + 1 - info.firstKeptSeq);
    assert.equal(info.bufferedBytes, task.wireBytes(info.firstKeptSeq), `wire bytes of ${name}`);
    assert.ok(info.bufferedEvents <= maxEventsPerTask, `${name} keeps too many events`);
    assert.ok(info.bufferedBytes <= maxBytesPerTask, `${name} keeps too many bytes`);
    const least = maxEventsPerTask + 1 - Math.ceil(maxEventsPerTask / 8);
    if (!this.pressed && maxBytesPerTask >= 2 ** 20) {
      assert.ok(info.bufferedEvents >= Math.min(task.events.length, least), `${name} was trimmed without need`);
    }
    if (!this.pressed && task.events.length > 0) assert.ok(info.bufferedEvents > 0, `${name} lost its last event`);
    assert.equal(info.subscribers, this.departed ? 0 : task.subscribers, `subscribers of ${name}`);
    assert.equal(info.owner, task.owner);
    assert.equal(info.attempt, 1);
    // The dates are shown by the wall clock, wherever it has jumped to; what is left of the retention is not.
    if (task.endedAt !== undefined) {
      const [shownAt, left] = this.home.outside
        ? [info.endedAt!.getTime(), ttlMs]
        : [this.clock.wallNow(), task.endedAt + ttlMs - this.now];
      assert.equal(info.expiresAt!.getTime() - shownAt, left);
    }
  }

  /** The library has ended a task by itself: was it due? */
  #checkEnded(task: TaskModel, { code, message }: { code: string; message: string }, at: number): void {
    const { abandonAfterMs, sweepIntervalMs } = this.settings;
    if (code === 'TASK_TIMEOUT') {
      assert.equal(at, task.startedAt + task.timeoutMs, `when ${task.name} timed out`);
      this.end(task, 'failed', { error: { code, message } }, code, at);
    } else {
      assert.equal(code, 'TASK_ABANDONED', `why ${task.name} ended`);
      assert.ok(task.idleSince !== undefined, `${task.name} was abandoned with somebody attached`);
      const grace = abandonAfterMs === 0 && !task.hadSubscribers ? sweepIntervalMs : abandonAfterMs;
      assert.ok(at - task.idleSince >= grace, `${task.name} was abandoned early`);
      this.end(task, 'cancelled', { code, reason: message }, code, at);
    }
  }

  end(
    task: TaskModel,
    status: 'completed' | 'failed' | 'cancelled',
    members: object,
    abortCode?: string,
    at = this.now,
  ) {
    task.end(status, members, at);
    task.abortCode = abortCode;
    this.ended[status]++;
  }

  #checkDue(task: TaskModel): void {
    const { abandonAfterMs, sweepIntervalMs } = this.settings;
    assert.ok(this.now < task.startedAt + task.timeoutMs, `${task.name} runs on after its time`);
    if (task.idleSince === undefined) return;
    const grace =
      abandonAfterMs !== 0 ? abandonAfterMs + sweepIntervalMs : task.hadSubscribers ? 0 : 2 * sweepIntervalMs;
    assert.ok(this.now < task.idleSince + grace || grace === Infinity, `${task.name} was not abandoned`);
  }

  #checkGone(task: TaskModel): void {
    if (task.status === 'running') {
      // It has ended, and another one that ended after it took its memory.
      const { aborted, reason } = task.context!.signal;
      assert.ok(this.pressed && aborted, `${task.name} was forgotten while it ran`);
      const { code } = reason as { code: string };
      this.#checkEnded(task, reason, code === 'TASK_TIMEOUT' ? task.startedAt + task.timeoutMs : this.now);
    }
    if (!this.pressed) {
      assert.ok(this.now >= task.endedAt! + this.settings.ttlMs, `${task.name} was forgotten before its time`);
    }
    task.gone = { after: task.seenAt, by: this.now };
    task.firstKept = task.events.length + 1;
  }

  #checkRun(task: TaskModel): void {
    assert.equal(task.executions, 1, `${task.name} runs once`);
    const { signal, subscriberCount } = task.context!;
    const code = (signal.reason as { code?: string } | undefined)?.code;
    assert.equal(signal.aborted ? code : undefined, task.abortCode, `why the signal of ${task.name} was aborted`);
    if (task.status === 'running') assert.equal(subscriberCount, task.subscribers);
  }

  #checkClient(client: Client): void {
    const { task, connection } = client;
    if (connection === undefined) return;
    const { res, follow, written, left } = connection;
    follow.check(written.events);
    client.collect();
    const { stallTimeoutMs, maxConnectionAgeMs } = this.settings;
    const open = !res.ended && !res.cut;
    if (left && !open) {
      // Who ended it, and why?
      const old = maxConnectionAgeMs > 0 && this.now - connection.openedAt >= maxConnectionAgeMs * 0.75;
      if (res.ended)
        assert.ok(follow.finished || old || this.stopped, `a stream of ${task.name} ended without its end`);
      else
        assert.ok(task.gone !== undefined || this.now - connection.movedAt >= stallTimeoutMs, `${task.name}: cut off`);
    }
    if (left) return;
    if (res.needsDrain || res.ended) {
      const limit = stallTimeoutMs + (2 * Math.min(stallTimeoutMs, this.settings.heartbeatMs || Infinity)) / 4;
      assert.ok(this.now - connection.movedAt <= limit + STEP_MS, 'a stalled client is sent away');
      if (open && !this.fading(task)) {
        assert.equal(task.gone, undefined, `${task.name} is gone, but a client still waits for it`);
      }
      return;
    }
    // Liveness: who takes what there is has everything.
    assert.equal(task.status, 'running', `${task.name} has ended, but a client was not told`);
    assert.equal(follow.cursor, task.events.length, `${task.name}: a client that takes everything is behind`);
    // One that could take nothing was left alone; it is sent away at the next beat.
    const latest = Math.max(connection.openedAt + maxConnectionAgeMs * 1.25, connection.movedAt);
    if (maxConnectionAgeMs > 0) assert.ok(this.now <= latest + maxConnectionAgeMs / 4 + STEP_MS, 'too old');
  }

  #checkReader(reader: Reader): void {
    const { task, follow } = reader;
    reader.check();
    if (reader.failure !== undefined && reader.joined) {
      assert.equal(reader.failure.code, 'TASK_EXPIRED');
      assert.notEqual(task.gone, undefined, `an iterator of ${task.name} failed`);
    }
    if (!reader.pending) return;
    assert.equal(task.status, 'running', `${task.name} has ended, but an iterator waits`);
    assert.equal(follow.cursor, task.events.length, `${task.name}: an iterator waits although there is something`);
  }

  #checkStatistics(infos: readonly TaskInfo[]): void {
    const { running, settling, finished, connections, bufferedBytes, tombstones, ...ended } =
      this.manager.getStatistics();
    const { maxBufferedBytes, ttlMs, sweepIntervalMs } = this.settings;
    assert.equal(running, this.running.length, 'running tasks');
    assert.equal(settling, this.tasks.filter(({ settles }) => settles).length, 'jobs whose tasks have ended');
    const known = infos.filter(({ status }) => status !== 'running').length;
    const forgotten = this.tasks.flatMap(({ gone }) => gone ?? []);
    if (this.home.outside) {
      const unswept = this.tasks.filter((task) => this.fading(task)).length;
      assert.ok(finished <= known + unswept, `copies of ${finished} finished tasks`);
      assert.equal(tombstones, 0);
    } else assert.equal(finished, known, 'finished tasks');
    const open = this.clients.filter(({ connection }) => connection?.left === false);
    assert.equal(connections, open.length, 'open connections');
    assert.deepEqual(ended, this.ended);
    assert.ok(bufferedBytes <= maxBufferedBytes, `all logs together take ${bufferedBytes} bytes`);
    if (this.home.outside) return;
    const wireBytes = infos.reduce((sum, info) => sum + info.bufferedBytes, 0);
    assert.ok(bufferedBytes >= wireBytes, 'the memory of the logs is counted');
    const least = forgotten.filter(({ after }) => this.now < after + ttlMs).length;
    const most = forgotten.filter(({ by }) => this.stopped || this.now <= by + ttlMs + sweepIntervalMs).length;
    assert.ok(tombstones >= least && tombstones <= most, `${tombstones} tombstones, expected ${least} to ${most}`);
  }
}
