import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { type TaskContext, type TaskError, createTaskManager } from '../../lib/index.js';
import { ManualClock } from '../support/clock/manual-clock.js';
import { MemoryResponse, fakeRequest } from '../support/sse/memory-response.js';
import { AsyncStore, type Fate } from './async-store.js';
import { dataOf, guardProcess } from './gated-store.js';
import { itHolds, turns } from './property.js';
import { Wire } from './wire.js';

guardProcess();

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
