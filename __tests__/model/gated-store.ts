/** A manager on a store whose answers the test holds back. */
import { strict as assert } from 'node:assert';
import {
  type AsyncTask,
  type TaskContext,
  type TaskError,
  type TaskManagerOptions,
  createTaskManager,
} from '../../lib/index.js';
import { ManualClock } from '../support/clock/manual-clock.js';
import { MemoryResponse, fakeRequest } from '../support/sse/memory-response.js';
import { ProcessGuard } from '../support/processes/process-guard.js';
import { AsyncStore, type Operation } from './async-store.js';
import { turns } from './property.js';
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
export const IDLE_TIMERS = 1;

/** A manager on a store that answers when the gate says so. */
export function setUp(options: TaskManagerOptions = {}) {
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

export const dataOf = ({ events }: Wire): string[] => events.slice(1).map(({ data }) => data);
export const outcomeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'resolved',
    (error: unknown) => (error as TaskError).code,
  );

/** Fails a test that leaves an unhandled rejection or a process warning behind. */
export function guardProcess(): Pick<ProcessGuard, 'take'> {
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
  return { take: () => guard.take() };
}
