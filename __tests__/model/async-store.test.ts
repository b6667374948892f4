import { strict as assert } from 'node:assert';
import express from 'express';
import fc from 'fast-check';
import request from 'supertest';
import {
  createTaskManager,
  TaskError,
  type AsyncTask,
  type TaskContext,
  type TaskManagerOptions,
} from '../../lib/index.js';
import { MemoryResponse, fakeRequest } from '../support/memory-response.js';
import { ManualClock } from '../support/manual-clock.js';
import { ProcessGuard } from '../support/process-guard.js';
import { AsyncStore, type Fate, type Operation } from './async-store.js';
import { itHolds, turns } from './property.js';
import { Wire } from './wire.js';

type Held = Operation | `answer to ${Operation}`;

/** Holds back chosen calls of a store until the test lets them through. */
class Gate {
  readonly #held = new Set<string>();
  readonly #waiting: { call: Held; pass: () => void }[] = [];

  readonly turn = (operation: Operation): Promise<void> => this.#wait(operation);
  readonly answer = (operation: Operation): Promise<void> => this.#wait(`answer to ${operation}`);

  hold(call: Held): void {
    this.#held.add(call);
  }

  /** Lets through what waits now, and what comes. */
  async release(call: Held): Promise<void> {
    this.#held.delete(call);
    const waiting = this.#waiting.filter((each) => each.call === call);
    assert.ok(waiting.length > 0, `no ${call} waits`);
    for (const { pass } of waiting) pass();
    await turns(3);
  }

  #wait(call: Held): Promise<void> {
    if (!this.#held.has(call)) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ call, pass: resolve }));
  }
}

/** A shared store is swept for as long as it is open. */
const IDLE_TIMERS = 1;

/** A manager on a store that answers when the gate says so. */
function setUp(options: TaskManagerOptions = {}) {
  const gate = new Gate();
  const clock = new ManualClock();
  const store = new AsyncStore(gate.turn, gate.answer);
  const times = { storeTimeoutMs: 500, appendPatienceMs: 500 };
  const errors: unknown[] = [];
  const onTaskError = (error: unknown): void => void errors.push(error);
  const manager = createTaskManager({ clock, store: store.store, ...times, onTaskError, ...options });
  let context: TaskContext | undefined;
  let finish!: (result?: unknown) => void;
  const job: AsyncTask = (given) => {
    context = given;
    return new Promise((resolve) => (finish = resolve));
  };
  const start = async () => {
    const started = await manager.startTask(fakeRequest('/job'), job);
    await turns(1);
    return { ...started, context: context!, finish };
  };
  const watch = async (resumeKey: string) => {
    const wire = new Wire();
    const response = new MemoryResponse({
      onReceive: (bytes) => {
        wire.feed(bytes);
      },
    });
    const stream = await manager.executeWithSSE(fakeRequest('/job'), resumeKey, undefined, job);
    void stream.pipe(response.res);
    await turns(2);
    return { wire, response };
  };
  return { gate, clock, store, manager, errors, job, start, watch, ran: () => context !== undefined };
}

const dataOf = ({ events }: Wire): string[] => events.slice(1).map(({ data }) => data);
const outcomeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'resolved',
    (error: unknown) => (error as TaskError).code,
  );

let guard: ProcessGuard;
beforeEach(() => {
  guard = new ProcessGuard();
});
afterEach(async () => {
  await turns(1);
  const incidents = guard.take();
  guard.close();
  expect(incidents).toEqual([]);
});

describe('an event', () => {
  it('reaches subscribers when the store has acknowledged it, and not before', async () => {
    const { gate, store, start, watch } = setUp();
    const { resumeKey, context } = await start();
    const { wire } = await watch(resumeKey);
    gate.hold('append');
    let resolved = false;
    void context.updateProgress('one').then(() => (resolved = true));
    await turns(5);
    expect({ told: dataOf(wire), committed: store.committed, resolved }).toEqual({
      told: [],
      committed: [],
      resolved: false,
    });
    await gate.release('append');
    expect({ told: dataOf(wire), resolved }).toEqual({ told: ['"one"'], resolved: true });
  });

  it('that the store refuses rejects, takes no seq, and reaches nobody', async () => {
    const { store, errors, start, watch } = setUp();
    const { resumeKey, context } = await start();
    const { wire } = await watch(resumeKey);
    store.fate = () => 'refused';
    const refused = outcomeOf(context.updateProgress('one'));
    store.fate = () => 'answered';
    const accepted = outcomeOf(context.updateProgress('two'));
    expect(await Promise.all([refused, accepted])).toEqual(['STORE_UNAVAILABLE', 'resolved']);
    await turns(3);
    expect(wire.events.slice(1)).toMatchObject([{ id: `${resumeKey}.1`, data: '"two"' }]);
    expect(errors).toMatchObject([{ code: 'STORE_UNAVAILABLE' }]);
  });

  it('that is never acknowledged rejects after storeTimeoutMs, and those after it are committed', async () => {
    const { clock, store, start, watch } = setUp();
    const { resumeKey, context } = await start();
    const { wire } = await watch(resumeKey);
    store.fate = () => 'lost';
    const lost = outcomeOf(context.updateProgress('one'));
    store.fate = () => 'answered';
    await context.updateProgress('two');
    clock.advance(500);
    expect(await lost).toBe('STORE_UNAVAILABLE');
    await turns(3);
    expect(dataOf(wire)).toEqual(['"two"']);
  });

  it('that is acknowledged too late is delivered once all the same', async () => {
    const { gate, clock, start, watch, store } = setUp();
    const { resumeKey, context, finish } = await start();
    const { wire } = await watch(resumeKey);
    gate.hold('append');
    const late = outcomeOf(context.updateProgress('one'));
    clock.advance(500);
    expect(await late).toBe('STORE_UNAVAILABLE');
    await gate.release('append');
    finish('done');
    await turns(5);
    expect(dataOf(wire)).toEqual(store.committed);
    expect(wire.events.map(({ event }) => event)).toEqual(['task', undefined, 'complete']);
  });
});

describe('a store that never answers', () => {
  it.each<Operation>(['create', 'find', 'departedAt', 'open', 'list', 'requestCancel'])(
    'makes whoever waits for its %s get STORE_UNAVAILABLE after storeTimeoutMs, and leaves no timer behind',
    async (operation) => {
      const { clock, store, manager, job, start } = setUp();
      const first = operation === 'create' ? undefined : await start();
      const timers = clock.timers;
      const before = manager.getStatistics();
      store.fate = (asked) => (asked === operation ? 'lost' : 'answered');
      const asked = outcomeOf(ask());
      await turns(4);
      clock.advance(499);
      await turns(2);
      expect(await Promise.race([asked, Promise.resolve('waiting')])).toBe('waiting');
      clock.advance(1);
      expect(await asked).toBe('STORE_UNAVAILABLE');
      expect(manager.getStatistics()).toEqual(before);
      expect(clock.timers).toBe(timers);

      async function ask(): Promise<unknown> {
        const { taskId, resumeKey } = first ?? {};
        switch (operation) {
          case 'create':
            return manager.startTask(fakeRequest('/job'), job);
          case 'find':
            return manager.getTaskInfo(taskId!);
          case 'list':
            return manager.listTasks();
          case 'requestCancel':
            return manager.cancelTask(taskId!);
          default: {
            const stream = await manager.executeWithSSE(fakeRequest('/job'), resumeKey, 'phone', job);
            return stream.pipe(new MemoryResponse().res);
          }
        }
      }
    },
  );

  it('answers a start over HTTP with 503, and has started nothing', async () => {
    let asked!: () => void;
    const waiting = new Promise<void>((resolve) => (asked = resolve));
    const { clock, store, manager, job, ran } = setUp();
    store.fate = (operation) => {
      if (operation === 'create') asked();
      return operation === 'create' ? 'lost' : 'answered';
    };
    const app = express().get('/job', manager.handler(job));
    const [response] = await Promise.all([request(app).get('/job'), waiting.then(() => clock.advance(500))]);
    expect(response.status).toBe(503);
    expect(response.body).toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(response.get('Retry-After')).toMatch(/^[1-5]$/);
    expect({ ran: ran(), running: manager.getStatistics().running, timers: clock.timers }).toEqual({
      ran: false,
      running: 0,
      timers: IDLE_TIMERS,
    });
  });

  it('does not keep completeTask or stop from coming back', async () => {
    const { clock, store, manager, start } = setUp();
    const { taskId } = await start();
    const other = await start();
    store.fate = () => 'lost';
    const completed = outcomeOf(manager.completeTask(taskId, 'completed', 1));
    await turns(2);
    clock.advance(500);
    expect(await completed).toBe('STORE_UNAVAILABLE');
    const stopped = outcomeOf(manager.stop());
    await turns(2);
    clock.advance(500);
    expect(await stopped).toBe('resolved');
    expect(other.context.signal.aborted).toBe(true);
    expect(manager.getStatistics().running).toBe(0);
    expect(clock.timers).toBe(0);
  });

  it('cannot keep a task beyond its time', async () => {
    const { clock, store, manager, start } = setUp({ timeoutMs: 2_000 });
    const { context } = await start();
    store.fate = () => 'lost';
    const emitted = outcomeOf(context.emit('row', 1));
    clock.advance(2_000);
    await turns(2);
    expect(context.signal.reason).toMatchObject({ code: 'TASK_TIMEOUT' });
    expect(await emitted).toBe('STORE_UNAVAILABLE');
    expect(manager.getStatistics().running).toBe(0);
  });
});

describe('a store that answers late or twice', () => {
  it('whose answer to a start came too late has no task that nobody runs', async () => {
    const { gate, clock, store, manager, job, ran } = setUp();
    gate.hold('create');
    const started = outcomeOf(manager.startTask(fakeRequest('/job'), job));
    await turns(2);
    clock.advance(500);
    expect(await started).toBe('STORE_UNAVAILABLE');
    await gate.release('create');
    const [task] = await manager.listTasks();
    expect(store.recordOf(task!.taskId)?.status).toBe('failed');
    expect(ran()).toBe(false);
    expect(manager.getStatistics().running).toBe(0);
  });

  it('can tell of a cancellation twice, and after the end', async () => {
    const { store, start, watch } = setUp();
    const { resumeKey, context } = await start();
    const { wire } = await watch(resumeKey);
    const reason = { code: 'TASK_CANCELLED', message: 'enough' };
    store.executor!.cancelRequested(reason);
    store.executor!.cancelRequested({ ...reason, message: 'again' });
    await turns(4);
    store.executor!.cancelRequested(reason);
    store.executor!.fenced(new TaskError('FENCED', 'late'));
    await turns(4);
    expect(wire.events.map(({ event }) => event)).toEqual(['task', 'cancelled']);
    expect(context.signal.reason).toMatchObject({ code: 'TASK_CANCELLED', message: 'enough' });
  });

  it('can tell of a cancellation before its answer to the start arrives', async () => {
    const { gate, clock, store, manager, job, ran } = setUp();
    gate.hold('answer to create');
    const started = manager.startTask(fakeRequest('/job'), job);
    await turns(2);
    store.cancelNewest('changed my mind');
    await gate.release('answer to create');
    const { taskId } = await started;
    expect(store.recordOf(taskId)).toMatchObject({ status: 'cancelled' });
    expect({ ran: ran(), running: manager.getStatistics().running }).toEqual({ ran: false, running: 0 });
    expect(clock.periods).toHaveLength(clock.timers); // nothing but the sweeper
  });

  it('can tell of a take-over before its answer to the start arrives', async () => {
    const { gate, clock, store, manager, job, ran } = setUp();
    gate.hold('answer to create');
    const started = manager.startTask(fakeRequest('/job'), job);
    await turns(2);
    store.takeNewest();
    await gate.release('answer to create');
    await started;
    expect({ ran: ran(), running: manager.getStatistics().running }).toEqual({ ran: false, running: 0 });
    expect(store.committed).toEqual([]);
    expect(clock.periods).toHaveLength(clock.timers);
  });

  it('can tell of a subscriber elsewhere before its answer to the start arrives: the task is not abandoned', async () => {
    const { gate, clock, store, manager, job } = setUp({ abandonAfterMs: 1_000, sweepIntervalMs: 100 });
    gate.hold('answer to create');
    const started = manager.startTask(fakeRequest('/job'), job);
    await turns(2);
    store.newest.join(undefined);
    await gate.release('answer to create');
    const { taskId } = await started;
    clock.advance(1_200);
    await turns(4);
    expect(store.recordOf(taskId)).toMatchObject({ status: 'running' });
    store.newest.leave(undefined, 0);
    clock.advance(1_200);
    await turns(4);
    expect(store.recordOf(taskId)).toMatchObject({ status: 'cancelled' });
  });

  it('forgets a task in time that came and went while it was sweeping', async () => {
    const { gate, clock, store, start } = setUp({ ttlMs: 1_000, sweepIntervalMs: 100 });
    const first = await start();
    first.finish();
    await turns(3);
    for (let n = 0; store.sizes().tombstones + store.sizes().finished > 0; n++) {
      gate.hold('answer to sweep');
      clock.advance(100);
      await turns(3);
      if (store.sizes().tombstones + store.sizes().finished > 0) await gate.release('answer to sweep');
    }
    // The store was empty when it swept, and is not any more when its answer arrives.
    const second = await start();
    second.finish();
    await turns(3);
    await gate.release('answer to sweep');
    for (let n = 0; n < 25; n++) {
      clock.advance(100);
      await turns(2);
    }
    expect(store.recordOf(second.taskId)).toBeUndefined();
    expect(clock.timers).toBe(IDLE_TIMERS);
  });
});

describe('a task that another instance has taken over', () => {
  it('has its signal aborted with FENCED and writes nothing more', async () => {
    const { store, manager, start, watch } = setUp();
    const { taskId, resumeKey, context, finish } = await start();
    const { wire } = await watch(resumeKey);
    await context.updateProgress('mine');
    store.fenced = true;
    expect(await outcomeOf(context.updateProgress('too late'))).toBe('FENCED');
    expect(context.signal.reason).toMatchObject({ code: 'FENCED' });
    expect(await outcomeOf(context.updateProgress('much too late'))).toBe('TASK_NOT_RUNNING');
    finish('result');
    await turns(4);
    expect(store.committed).toEqual(['"mine"']);
    expect(dataOf(wire)).toEqual(['"mine"']);
    // What becomes of the task is the other instance's to say.
    expect(store.recordOf(taskId)?.status).toBe('running');
    expect(manager.getStatistics().running).toBe(0);
  });

  it('stops as soon as it is told, with appends still under way', async () => {
    const { gate, store, start } = setUp();
    const { context, finish } = await start();
    gate.hold('append');
    const pending = outcomeOf(context.updateProgress('one'));
    await turns(1);
    store.fenced = true;
    store.executor!.fenced(new TaskError('FENCED', 'Another instance has taken the task over'));
    expect(context.signal.aborted).toBe(true);
    await gate.release('append');
    expect(await pending).toBe('FENCED');
    finish();
    await turns(4);
    expect(store.committed).toEqual([]);
  });
});

describe('an onTaskError hook that throws', () => {
  it('changes nothing for the store, the job and the clients', async () => {
    const { store, start, watch } = setUp({
      onTaskError: () => {
        throw new RangeError('hook');
      },
    });
    const { resumeKey, context, finish } = await start();
    const { wire } = await watch(resumeKey);
    store.fate = () => 'refused';
    expect(await outcomeOf(context.updateProgress('one'))).toBe('STORE_UNAVAILABLE');
    store.fate = () => 'answered';
    await context.updateProgress('two');
    finish(3);
    await turns(4);
    expect(wire.events.map(({ event }) => event)).toEqual(['task', undefined, 'complete']);
    expect(guard.take()).toEqual([expect.stringMatching(/^warning: .*RangeError: hook/)]);
  });
});

const fates = (...others: Fate[]): fc.Arbitrary<Fate> =>
  fc.oneof(
    { arbitrary: fc.constant<Fate>('answered'), weight: 6 },
    { arbitrary: fc.constantFrom<Fate>('answered', ...others), weight: 2 },
  );

const unavailable = (error: unknown): void => {
  assert.equal((error as TaskError).code, 'STORE_UNAVAILABLE');
};

interface Step {
  readonly act: 'emit' | 'emit and wait' | 'watch' | 'drop' | 'look';
  readonly fate: Fate;
}

const step = (...others: Fate[]): fc.Arbitrary<Step> =>
  fc.record({
    act: fc.constantFrom('emit', 'emit', 'emit', 'emit and wait', 'watch', 'drop', 'look'),
    fate: fates(...others),
  });

/**
 * The job emits, clients come and go, and the store answers in an order, and with a fate, that are drawn. Whatever
 * happens: nobody is told what was not committed, everybody is told all of it in order, and promises tell the truth.
 */
async function commitThenDeliver(scheduler: fc.Scheduler, steps: readonly Step[]): Promise<void> {
  const clock = new ManualClock();
  const store = new AsyncStore((operation) => scheduler.schedule(Promise.resolve(), operation));
  let errors = 0;
  const onTaskError = (): void => {
    errors += 1;
  };
  const times = { storeTimeoutMs: 500, appendPatienceMs: 500, abandonAfterMs: Infinity };
  const manager = createTaskManager({ clock, store: store.store, ...times, onTaskError });
  /** Lets the store answer until nobody waits for it; then time passes for those who wait for nothing. */
  const quiet = async (): Promise<void> => {
    for (;;) {
      await turns(2);
      if (scheduler.count() === 0) break;
      await scheduler.waitNext(1);
    }
  };

  let context!: TaskContext;
  let finish!: (result: unknown) => void;
  const starting = manager.startTask(fakeRequest('/job'), (given) => {
    context = given;
    return new Promise((resolve) => (finish = resolve));
  });
  await quiet();
  const { taskId, resumeKey } = await starting;
  store.committed.length = 0;

  const clients: { wire: Wire; response: MemoryResponse }[] = [];
  const asked: string[] = [];
  const outcomes = new Map<string, string>();
  let refusals = 0;
  const act = async ({ act: what, fate }: Step): Promise<void> => {
    store.fate = () => fate;
    const json = JSON.stringify(asked.length);
    switch (what) {
      case 'emit':
      case 'emit and wait': {
        asked.push(json);
        const settled = context.updateProgress(asked.length - 1).then(
          () => {
            assert.ok(store.committed.includes(json), 'it resolved before it was committed');
            outcomes.set(json, 'resolved');
          },
          (error: unknown) => {
            unavailable(error);
            outcomes.set(json, 'rejected');
            refusals++;
          },
        );
        if (what === 'emit and wait') await Promise.race([settled, quiet()]);
        break;
      }
      case 'watch': {
        const wire = new Wire();
        const response = new MemoryResponse({
          onReceive: (bytes) => {
            wire.feed(bytes);
            for (const data of dataOf(wire)) assert.ok(store.committed.includes(data), `${data} was told uncommitted`);
          },
        });
        const watching = manager.executeWithSSE(fakeRequest('/job'), resumeKey, 'phone', () => undefined);
        watching
          .then((stream) => {
            clients.push({ wire, response });
            return stream.pipe(response.res);
          })
          .catch(unavailable);
        break;
      }
      case 'drop':
        clients.at(-1)?.response.drop();
        break;
      case 'look':
        manager
          .getTaskInfo(taskId)
          .then(({ lastSeq }) => assert.ok(lastSeq <= store.committed.length))
          .catch(unavailable);
        break;
    }
  };
  for (const each of steps) {
    await act(each);
    if (scheduler.count() > 3) await scheduler.waitNext(1);
  }
  store.fate = () => 'answered';
  await quiet();
  clock.advance(500);
  await quiet();

  const told = store.committed.map(Number);
  assert.deepEqual(
    told,
    [...told].sort((a, b) => a - b),
    'committed in the order of the calls',
  );
  for (const json of asked) {
    const outcome = outcomes.get(json);
    assert.ok(outcome !== undefined, `updateProgress(${json}) has never come back`);
    if (outcome === 'resolved') assert.ok(store.committed.includes(json));
  }
  assert.equal(errors, refusals, 'every refusal is reported, and nothing else');

  finish('done');
  await quiet();
  const last = new Wire();
  const response = new MemoryResponse({
    onReceive: (bytes) => {
      last.feed(bytes);
    },
  });
  const watching = manager.executeWithSSE(fakeRequest('/job'), resumeKey, undefined, () => undefined);
  await quiet();
  const piped = (await watching).pipe(response.res);
  await quiet();
  await piped;
  assert.deepEqual(dataOf(last), store.committed, 'a new client gets all that was committed');
  assert.equal(last.events.at(-1)?.event, 'complete');
  for (const client of clients) {
    const data = dataOf(client.wire);
    const from = Number(client.wire.events[0]?.id?.split('.')[1] ?? 0);
    assert.deepEqual(data, store.committed.slice(from, from + data.length), 'a client gets a part without a hole');
    if (client.response.status === 200 && client.response.ended) {
      assert.equal(client.wire.events.at(-1)?.event, 'complete', 'a stream that ends has told the end');
    }
  }
  assert.equal(manager.getStatistics().running, 0);
  const stopping = manager.stop();
  await quiet();
  await stopping;
  await turns(2);
  for (const client of clients) client.response.drop();
  await turns(2);
  assert.equal(clock.timers, 0, 'no timer is left');
}

describe('whatever order the store answers in', () => {
  itHolds(
    'clients are told what is committed, when it is, in order',
    120,
    [fc.scheduler(), fc.array(step(), { maxLength: 30, size: 'max' })],
    commitThenDeliver,
  );
  itHolds(
    'and whatever it refuses or never answers',
    120,
    [fc.scheduler(), fc.array(step('refused', 'unanswered', 'lost'), { maxLength: 30, size: 'max' })],
    commitThenDeliver,
  );
});
