import type { Tombstone } from '../../../lib/core/ports.js';
import type {
  AudienceReport,
  Batch,
  Claim,
  Claimed,
  Created,
  Fate,
  ListQuery,
  Ref,
  Wanted,
} from '../../../lib/distributed/port/calls.js';
import type { DriverSettings } from '../../../lib/distributed/port/driver.js';
import { comparePlaces, isExcess } from '../../../lib/distributed/port/entry.js';
import type {
  AudienceShare,
  Departure,
  Draft,
  Ending,
  Entry,
  Place,
  StoredTask,
  TaskState,
} from '../../../lib/distributed/port/stored.js';
import { MapIndexes } from './map-indexes.js';
import {
  findTask,
  forgetTask,
  indexTask,
  moveSubscriber,
  newTask,
  progressOf,
  storedTask,
  topOf,
  unindexHolder,
  type Task,
} from './map-state.js';

/** What every method of the driver port means, done at once on maps. Knows nothing of instances beyond their names. */
export class MapStore extends MapIndexes {
  /** Called for each task whose log has grown, and with nothing for one that was forgotten. */
  onAppend: (taskId: string, entries: readonly Entry[] | undefined) => void = () => undefined;

  constructor(readonly settings: Pick<DriverSettings, 'clock' | 'ttlMs' | 'limits' | 'maxTasksPerOwner'>) {
    super(settings.clock);
  }

  create(draft: Draft, holder: string, quota = this.settings.maxTasksPerOwner): Created {
    const { taskId, owner, idempotencyKey, slot } = draft;
    const existing = this.state.tasks.get(taskId);
    if (existing !== undefined) return { created: storedTask(existing) };
    const repeated = idempotencyKey === undefined ? undefined : this.#find({ idempotencyKey, owner });
    if (repeated !== undefined) return { taken: 'idempotencyKey', by: storedTask(repeated) };
    const occupant = slot === undefined ? undefined : this.#find({ slot, owner });
    if (occupant !== undefined) return { taken: 'slot', by: storedTask(occupant) };
    const running = [...this.state.tasks.values()].filter((t) => t.draft.owner === owner && t.status === 'running');
    if (running.length >= quota) return { taken: 'quota' };
    const task = newTask(draft, holder);
    this.state.tasks.set(taskId, task);
    indexTask(this.state, task, this.settings.clock.now());
    return { created: storedTask(task) };
  }

  read(ref: Ref, wanted: Wanted = {}): StoredTask | Tombstone | undefined {
    const task = this.#find(ref);
    if (task !== undefined) return storedTask(task, wanted);
    for (const [taskId, { resumeKey, owner, until }] of this.state.tombstones) {
      const named = 'taskId' in ref ? ref.taskId === taskId : 'resumeKey' in ref && ref.resumeKey === resumeKey;
      if (named && until > this.settings.clock.now()) return { status: 'expired', owner };
    }
    const expired = 'taskId' in ref || 'resumeKey' in ref ? findTask(this.state, ref) : undefined;
    return expired && { status: 'expired', owner: expired.draft.owner };
  }

  look(taskIds: readonly string[]): (TaskState | undefined)[] {
    return taskIds.map((taskId) => {
      const task = this.#find({ taskId });
      return task && storedTask(task);
    });
  }

  readAfter(taskId: string, after: Pick<Place, 'token' | 'seq'>, limit: number): Entry[] {
    const entries = this.#find({ taskId })?.entries ?? [];
    return entries.filter(({ place }) => comparePlaces(place, { ...after, bytes: 0 }) > 0).slice(0, limit);
  }

  claim({ taskId, expected, instance, token, attempt, nonce, ending }: Claim): Claimed {
    const task = this.#find({ taskId });
    if (task === undefined) return { lost: 'gone' };
    const texts = { input: true, progress: true };
    if (task.token === token && task.nonce === nonce) return { won: storedTask(task, texts) };
    if (task.status !== 'running') return { lost: 'ended' };
    if (task.token !== expected.token || task.holder !== expected.holder) return { lost: 'taken' };
    unindexHolder(this.state, task);
    this.state.orphans.delete(taskId);
    task.progress = progressOf(task);
    Object.assign(task, { token, attempt, nonce, holder: instance });
    const end = topOf(task);
    const atMs = this.settings.clock.wallNow();
    const mark = { token, seq: end.seq, bytes: end.bytes };
    const entry = { events: 0, bytes: 0, atMs, schema: task.draft.schema };
    const added: Entry[] = [{ ...entry, place: mark, text: '' }];
    if (ending !== undefined) {
      const { text, bytes } = ending;
      added.push({ ...entry, place: { token, seq: end.seq + 1, bytes: end.bytes + bytes }, text, bytes, events: 1 });
    }
    this.#push(task, added);
    if (ending === undefined) indexTask(this.state, task, this.settings.clock.now());
    else this.#end(task, ending);
    return { won: storedTask(task, texts) };
  }

  orphan(taskId: string, expected: Claim['expected'], delayMs: number, losses?: number): boolean {
    const task = this.#find({ taskId });
    if (task?.status !== 'running' || task.token !== expected.token) return false;
    if (task.holder !== undefined) {
      if (task.holder !== expected.holder) return false;
      unindexHolder(this.state, task);
      task.holder = undefined;
      task.losses = losses ?? task.losses;
      const since = this.settings.clock.now();
      this.state.orphans.set(taskId, { handler: task.draft.handler, since, due: since + delayMs });
    }
    return true;
  }

  remove(taskId: string): void {
    const task = this.state.tasks.get(taskId);
    if (task?.status !== 'running' || task.token !== 1 || task.entries.length > 0) return;
    unindexHolder(this.state, task);
    forgetTask(this.state, task);
  }

  requestCancel(taskId: string, reason: string): TaskState | undefined {
    const task = this.#find({ taskId });
    if (task?.status !== 'running') return undefined;
    task.cancel ??= reason;
    return storedTask(task);
  }

  reportAudience(reports: readonly AudienceReport[]): void {
    for (const { taskId, instance, version, count, moves } of reports) {
      const task = this.#find({ taskId });
      if (task === undefined || (task.audience.get(instance)?.version ?? 0) >= version) continue;
      task.audience.set(instance, { instance, version, count });
      for (const { subscriberId, position } of moves) moveSubscriber(task, instance, subscriberId, position);
    }
  }

  readAudience(taskIds: readonly string[]): AudienceShare[][] {
    return taskIds.map((taskId) => [...(this.#find({ taskId })?.audience.values() ?? [])]);
  }

  readDeparture(taskId: string, subscriberId: string): Departure {
    const task = this.#find({ taskId });
    const attachedTo = [...(task?.attached.get(subscriberId)?.keys() ?? [])];
    return { attachedTo, position: task?.departures.get(subscriberId) };
  }

  list({ of, status, limit, before }: ListQuery): StoredTask[] {
    const found = [...this.state.listed].sort().reverse();
    return found
      .filter((taskId) => before === undefined || taskId < before)
      .flatMap((taskId) => this.#find({ taskId }) ?? [])
      .filter((task) => of === undefined || task.draft.owner === of.owner)
      .filter((task) => status === undefined || task.status === status)
      .slice(0, limit)
      .map((task) => storedTask(task));
  }

  expire(limit: number): { gone: string[]; left: number } {
    const { tasks, ended, tombstones } = this.state;
    const now = this.settings.clock.now();
    for (const [taskId, { until }] of tombstones) if (until <= now) tombstones.delete(taskId);
    const due = [...ended].filter(([, at]) => at <= now).slice(0, limit);
    for (const [taskId, at] of due) {
      ended.delete(taskId);
      const task = tasks.get(taskId);
      if (task === undefined) continue;
      const { owner, resumeKey } = task.draft;
      forgetTask(this.state, task);
      const until = at + this.settings.ttlMs;
      if (until > now) tombstones.set(taskId, { status: 'expired', owner, resumeKey, until });
      this.onAppend(taskId, undefined);
    }
    return { gone: due.map(([taskId]) => taskId), left: ended.size + tombstones.size };
  }

  walk(cursor: string | undefined, limit: number): { tasks: StoredTask[]; next: string | undefined } {
    const page = [...this.state.tasks.keys()].sort().filter((taskId) => cursor === undefined || taskId > cursor);
    const tasks = page.slice(0, limit).flatMap((taskId) => this.#find({ taskId }) ?? []);
    return { tasks: tasks.map((task) => storedTask(task)), next: page.length > limit ? page[limit - 1] : undefined };
  }

  append(batch: Batch): Fate {
    const task = this.#find({ taskId: batch.taskId });
    if (task === undefined) return { kind: 'gone' };
    const top = topOf(task);
    if (task.token > batch.token || top.token > batch.token) return { kind: 'fenced' };
    const added = batch.entries.filter(({ place }) => comparePlaces(place, top) > 0);
    if (task.status !== 'running') return { kind: added.length === 0 ? 'committed' : 'ended' };
    this.#push(task, added);
    if (batch.progress !== undefined) task.progress = batch.progress;
    if (batch.snapshot !== undefined) task.snapshot = batch.snapshot;
    if (batch.ending !== undefined) this.#end(task, batch.ending);
    return { kind: 'committed', dropped: batch.trim ? this.#trim(task) : undefined };
  }

  #push(task: Task, entries: readonly Entry[]): void {
    if (entries.length === 0) return;
    task.entries.push(...entries);
    task.updatedAtMs = entries.at(-1)?.atMs ?? task.updatedAtMs;
    this.onAppend(task.draft.taskId, entries);
  }

  #trim(task: Task): Place | undefined {
    const top = topOf(task);
    const first = task.entries.findIndex((entry) => !isExcess(entry, top, this.settings.limits));
    const last = first <= 0 ? undefined : task.entries.splice(0, first).at(-1);
    if (last !== undefined) task.dropped = last.place;
    return last?.place;
  }

  #end(task: Task, { status, outcome }: Ending): void {
    const { clock, ttlMs } = this.settings;
    task.progress = progressOf(task);
    Object.assign(task, { status, outcome, endedAtMs: clock.wallNow() });
    Object.assign(task, { expiresAt: clock.now() + ttlMs, expiresAtMs: clock.wallNow() + ttlMs });
    task.top = topOf(task);
    unindexHolder(this.state, task);
    this.state.orphans.delete(task.draft.taskId);
    indexTask(this.state, task, this.settings.clock.now());
  }

  /** A task whose retention is not over. */
  #find(ref: Ref): Task | undefined {
    const task = findTask(this.state, ref);
    return (task?.expiresAt ?? Infinity) > this.settings.clock.now() ? task : undefined;
  }
}
