import type { Batch } from '../../lib/distributed/port/calls.js';
import type { Draft } from '../../lib/distributed/port/stored.js';
import type { DriverSettings, TaskDriver } from '../../lib/distributed/port/driver.js';
import { ManualClock } from '../support/clock/manual-clock.js';
import { MapStore } from '../support/stores/map-store.js';
import type { Random } from '../support/random/random.js';
import { plainFate, plainTask, stateOf, withoutUndefined } from './comparable.js';
import { INSTANCES, randomBatch, randomClaim, randomDraft } from './random-arguments.js';

const TTL_MS = 1_000;

/** Makes the same random calls to the driver on maps and to two drivers of one store, and compares the answers. */
export class DriverPair {
  readonly #clock = new ManualClock();
  readonly #settings: DriverSettings;
  readonly #maps: MapStore;
  /** What was created, in the order of creation. */
  readonly #drafts: Draft[] = [];
  readonly #batches: Batch[] = [];

  constructor(
    readonly random: Random,
    readonly drivers: readonly TaskDriver[],
  ) {
    this.#settings = {
      instance: 'a',
      clock: this.#clock,
      ttlMs: TTL_MS,
      runningTtlMs: TTL_MS,
      limits: { maxEvents: 20, maxBytes: 2_000 },
      maxTasksPerOwner: 8,
      timeoutMs: 1_000,
    };
    this.#maps = new MapStore(this.#settings);
    for (const driver of this.drivers) driver.open(this.#settings);
  }

  async close(): Promise<void> {
    for (const driver of this.drivers) await driver.close();
  }

  async step(): Promise<void> {
    const { random } = this;
    const [append, read] = [() => this.#append(), () => this.#read()];
    const steps: (() => Promise<void>)[] = [
      ...[append, append, append, read, read],
      () => this.#create(),
      () => this.#claim(),
      () => this.#orphan(),
      () => this.#cancel(),
      () => this.#audience(),
      () => this.#instances(),
      () => this.#indexes(),
      () => this.#forget(),
    ];
    await random.pick(steps)();
    this.#clock.advance(random.int(1, 20) === 1 ? random.int(1, TTL_MS) : random.int(0, 3));
  }

  get #driver(): TaskDriver {
    return this.random.pick(this.drivers);
  }

  get #taskId(): string {
    return this.random.pick([...this.#drafts.slice(-6), undefined])?.taskId ?? 'nothing';
  }

  #same(given: unknown, expected: unknown): void {
    expect(withoutUndefined(given)).toEqual(withoutUndefined(expected));
  }

  async #create(): Promise<void> {
    const { random } = this;
    const last = this.#drafts.at(-1);
    // A start without an answer is asked again for seconds: never once the retention of its task is over.
    const isThere = last !== undefined && this.#maps.read({ taskId: last.taskId })?.status !== 'expired';
    const draft =
      isThere && random.int(1, 8) === 1 ? last : randomDraft(random, this.#drafts.length, this.#clock.wallNow());
    const holder = random.pick(INSTANCES);
    const expected = this.#maps.create(draft, holder);
    this.#same(await this.#driver.create(draft, holder), expected);
    if ('created' in expected) this.#drafts.push(draft);
  }

  async #append(): Promise<void> {
    const { random } = this;
    const again = this.#batches.at(-1);
    if (again !== undefined && random.int(1, 10) === 1) {
      const expected = this.#maps.append(again);
      const given = await this.#driver.append([again])[0];
      expect(given?.kind).toBe(expected.kind);
      return;
    }
    const batches = Array.from({ length: random.int(1, 3) }, () => {
      const taskId = this.#taskId;
      return randomBatch(random, taskId, this.#maps.look([taskId])[0], this.#clock.wallNow());
    });
    const different = batches.filter(({ taskId }, i) => batches.findIndex((each) => each.taskId === taskId) === i);
    const expected = different.map((batch) => this.#maps.append(batch));
    this.#same((await Promise.all(this.#driver.append(different))).map(plainFate), expected.map(plainFate));
    this.#batches.push(...different);
  }

  async #claim(): Promise<void> {
    const { random } = this;
    const taskId = this.#taskId;
    const [state] = this.#maps.look([taskId]);
    const claim = randomClaim(random, taskId, state);
    const won = this.#maps.claim(claim);
    this.#same(await this.#driver.claim(claim), won);
    if (random.int(1, 3) === 1) this.#same(await this.#driver.claim(claim), this.#maps.claim(claim));
  }

  async #orphan(): Promise<void> {
    const { random } = this;
    const taskId = this.#taskId;
    const [state] = this.#maps.look([taskId]);
    const expected = { token: state?.token ?? 1, holder: random.pick([state?.holder, 'b']) };
    const call = [taskId, expected, random.int(0, 10), random.pick([undefined, 5])] as const;
    this.#same(await this.#driver.orphan(...call), this.#maps.orphan(...call));
    if (random.int(1, 4) === 1) {
      this.#maps.remove(taskId);
      await this.#driver.remove(taskId);
    }
  }

  async #cancel(): Promise<void> {
    const taskId = this.#taskId;
    const reason = this.random.pick(['"one"', '"two"']);
    const expected = this.#maps.requestCancel(taskId, reason);
    this.#same(stateOf(await this.#driver.requestCancel(taskId, reason)), stateOf(expected));
  }

  async #audience(): Promise<void> {
    const { random } = this;
    const taskId = this.#taskId;
    const name = () => random.pick(['x', 'y', 'z']);
    const reports = [
      {
        ...{ taskId, instance: random.pick(INSTANCES), version: random.int(1, 30), count: random.int(0, 5) },
        moves: [
          { subscriberId: name(), position: undefined },
          { subscriberId: name(), position: random.pick([undefined, random.int(0, 9)]) },
        ],
      },
    ];
    this.#maps.reportAudience(reports);
    await this.#driver.reportAudience(reports);
    const asked = [taskId, this.#taskId];
    const sorted = (shares: readonly { instance: string }[]) =>
      [...shares].sort((a, b) => a.instance.localeCompare(b.instance));
    this.#same((await this.#driver.readAudience(asked)).map(sorted), this.#maps.readAudience(asked).map(sorted));
    const who = name();
    const expected = this.#maps.readDeparture(taskId, who);
    const given = await this.#driver.readDeparture(taskId, who);
    this.#same(
      { ...given, attachedTo: [...given.attachedTo].sort() },
      { ...expected, attachedTo: [...expected.attachedTo].sort() },
    );
  }

  async #instances(): Promise<void> {
    const { random } = this;
    const beat = { instance: random.pick(INSTANCES), leaseMs: random.int(1, 9) * 1_000, schema: 2 };
    const byName = (a: { instance: string }, b: { instance: string }) => a.instance.localeCompare(b.instance);
    const counts = this.#maps.beat(beat).sort(byName);
    this.#same([...(await this.#driver.beat(beat))].sort(byName), counts);
    if (random.int(1, 3) === 1) {
      const count = random.pick([undefined, 1, counts[0]?.count]);
      this.#maps.removeInstance(beat.instance, count);
      await this.#driver.removeInstance(beat.instance, count);
    }
  }

  async #indexes(): Promise<void> {
    const { random } = this;
    const [from, to] = [random.pick(INSTANCES), random.pick(INSTANCES)];
    // An index may also name what has ended since; which of those, is the driver's business.
    const running = (taskIds: readonly string[]) =>
      this.#maps.look(taskIds).flatMap((state) => (state?.status === 'running' ? state.taskId : []));
    const moved = this.#maps.divide(from, to, 1_000);
    const given = await this.#driver.divide(from, to, 1_000);
    this.#same(running([...given].sort()), running(moved));
    this.#same(running(await this.#driver.held(to, undefined, 1_000)), running(this.#maps.held(to, undefined, 1_000)));
    for (const taskIds of [running(moved), running([this.#taskId, this.#taskId])]) {
      this.#maps.reindex(to, taskIds);
      await this.#driver.reindex(to, taskIds);
    }
    const after = random.pick([undefined, this.#taskId]);
    this.#same(running(await this.#driver.held(from, after, 1_000)), running(this.#maps.held(from, after, 1_000)));
    const query = random.pick([{ handlers: ['name:x', 'name:z'] }, { olderThanMs: random.int(0, 50) }]);
    const orphans = await this.#driver.orphans(query, 100);
    this.#same(running([...orphans].sort()), running(this.#maps.orphans(query, 100).sort()));
  }

  async #forget(): Promise<void> {
    const limit = this.random.int(1, 50);
    const { gone, left } = this.#maps.expire(limit);
    const given = await this.#driver.expire(limit);
    this.#same([...given.gone].sort(), gone.sort());
    // A call that reaches its limit may leave a tombstone that is over to the next one.
    if (left > 0 || gone.length < limit) this.#same(given.left > 0, left > 0);
  }

  async #read(): Promise<void> {
    const { random } = this;
    const draft = random.pick([...this.#drafts.slice(-6), undefined]);
    if (draft === undefined) return;
    const { taskId, resumeKey, owner } = draft;
    const wanted = {
      progress: random.pick([true, false]),
      outcome: random.pick([true, false]),
      input: random.pick([true, false]),
      snapshot: random.pick([true, false]),
    };
    const idempotencyKey = random.pick(['key 1', 'key 2']);
    const slot = random.pick(['chat 1', 'chat 2']);
    for (const ref of [{ taskId }, { resumeKey }, { idempotencyKey, owner }, { slot, owner }]) {
      const expected = this.#maps.read(ref, wanted);
      const given = await this.#driver.read(ref, wanted);
      this.#same(plainTask(given), plainTask(expected));
    }
    const ids = [taskId, this.#taskId];
    this.#same((await this.#driver.look(ids)).map(stateOf), this.#maps.look(ids).map(stateOf));
    const after = { token: random.int(0, 3), seq: random.int(0, 30) };
    const limit = random.int(1, 5);
    this.#same(await this.#driver.readAfter(taskId, after, limit), this.#maps.readAfter(taskId, after, limit));
    await this.#lists(owner);
  }

  async #lists(owner: string | undefined): Promise<void> {
    const { random } = this;
    const query = {
      of: random.pick([undefined, { owner }]),
      status: random.pick([undefined, 'running' as const, 'failed' as const]),
      limit: random.int(1, 6),
      before: random.pick([undefined, this.#taskId]),
    };
    this.#same((await this.#driver.list(query)).map(plainTask), this.#maps.list(query).map(plainTask));
    const found = new Map<string, unknown>();
    let cursor: string | undefined;
    do {
      const { tasks, next } = await this.#driver.walk(cursor, 3);
      for (const task of tasks) found.set(task.taskId, plainTask(task));
      cursor = next;
    } while (cursor !== undefined);
    const all = this.#maps.walk(undefined, 1e6).tasks.map((task) => [task.taskId, plainTask(task)] as const);
    this.#same([...found], all);
  }
}
