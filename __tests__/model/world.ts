import { strict as assert } from 'node:assert';
import type { IncomingMessage } from 'node:http';
import { createTaskManager, type AsyncTask, type TaskManager } from '../../lib/index.js';
import { fakeRequest } from '../support/sse/memory-response.js';
import type { Client, Reader, Connected } from './client.js';
import { compare } from './compare.js';
import type { Home } from './home.js';
import { turns } from './property.js';
import { OWNER_HEADER, STEP_MS, type JumpingClock, type Settings } from './settings.js';
import { TaskModel } from './task-model.js';

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
  /** Connections that are over and that the model has not noticed yet. */
  readonly closed: Connected[] = [];
  readonly piping = new Set<Promise<void>>();

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

  /** Lets everything happen that needs no time. */
  async settle(): Promise<void> {
    await this.home.settle();
    for (const connection of this.closed.splice(0)) this.#leave(connection);
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

  /** The task that stands in the way of a start in a slot. */
  occupant({ slot, owner }: TaskModel): TaskModel | undefined {
    return this.running.find((task) => task.slot === slot && task.owner === owner);
  }

  readonly #never: AsyncTask = () => assert.fail('attaching ran a job');

  /** Compares the library with the model, as far as both have come. */
  check(): Promise<void> {
    return compare(this);
  }

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
}
