import type { TaskWriter } from '../../lib/core/ports.js';
import { reading, recordOf, started, taken } from '../contracts/store-steps.js';
import { codeOf, draft } from '../support/stores/store-fixtures.js';
import { useFleet, type FleetInstance } from './fleet.js';

/** A promise that a test resolves. */
function gate(): { readonly opened: Promise<void>; open(): void } {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}

describe('The log of a task that is taken over', () => {
  const restarting = { onLost: 'restart' } as const;
  const fleet = useFleet();
  let one: FleetInstance;
  let two: FleetInstance;

  beforeEach(() => {
    one = fleet.open(restarting);
    two = fleet.open(restarting);
  });

  /** A task with an event of its first holder that `two` has taken over. */
  async function takenByTwo(): Promise<{ taskId: string; writer: TaskWriter }> {
    const { taskId, writer } = await fleet.answered(started(one.store));
    await fleet.answered(writer.append(undefined, '"of the first"'));
    await fleet.answered(writer.release());
    return { taskId, writer: (await fleet.answered(taken(two.store, taskId))).writer };
  }

  it('gives each event the token of the holder that wrote it, also where it is first read later', async () => {
    const { taskId, writer } = await takenByTwo();
    await fleet.answered(writer.append(undefined, '"of the second"'));
    for (const { store } of [two, fleet.open(restarting)]) {
      const feed = await fleet.answered(store.open(taskId));
      const frames = feed?.log.readAfter(0)?.bytes.toString() ?? '';
      expect(Array.from(frames.matchAll(/^id: [^.]+\.(.*)$/gm), ([, place]) => place)).toEqual([
        '1',
        `2.${writer.record.epoch}`,
      ]);
    }
  });

  it('is complete although the new holder had not read all events of the previous one', async () => {
    const { taskId, writer } = await fleet.answered(started(one.store));
    const reader = await fleet.answered(reading(two.store, taskId));
    fleet.server.store!.onAppend = () => undefined; // every notification is lost
    for (const json of ['"a"', '"b"', '"c"']) await fleet.answered(writer.append(undefined, json));
    await fleet.answered(writer.release());
    const isSlow = gate();
    const readAfter = two.driver.readAfter.bind(two.driver);
    jest.spyOn(two.driver, 'readAfter').mockImplementationOnce(async (...args) => {
      const entries = await readAfter(...args);
      await isSlow.opened; // until the new holder has written
      return entries;
    });
    const takeover = await fleet.answered(taken(two.store, taskId));
    await fleet.answered(takeover.writer.append(undefined, '"d"'));
    isSlow.open();
    await fleet.pass(1_000);
    expect([reader.drain().seqs, reader.others]).toEqual([[1, 2, 3, 4], []]);
    reader.close();
  });

  it('can be resumed at any of its events with the new holder', async () => {
    const { taskId, writer } = await takenByTwo();
    for (let n = 2; n <= 20; n++) await fleet.answered(writer.append(undefined, String(n)));
    const third = fleet.open(restarting);
    const { epoch } = writer.record;
    await fleet.answered(writer.release());
    await fleet.answered(taken(third.store, taskId));
    const reader = await fleet.answered(reading(third.store, taskId, { position: 10, epoch }));
    await fleet.pass(100);
    expect([reader.drain().seqs, reader.others]).toEqual([Array.from({ length: 10 }, (_, n) => n + 11), []]);
    reader.close();
  });

  it('is up to date for a subscriber that has an event which its writer does not know to be stored', async () => {
    const { taskId, writer } = await fleet.answered(started(one.store));
    const append = one.driver.append.bind(one.driver);
    const isAnswered = gate();
    jest.spyOn(one.driver, 'append').mockImplementationOnce((batches) =>
      append(batches).map(async (fate) => {
        await isAnswered.opened;
        return fate;
      }),
    );
    const appended = writer.append(undefined, '"known elsewhere"');
    const elsewhere = await fleet.answered(reading(two.store, taskId));
    await fleet.pass(50);
    expect(elsewhere.drain().seqs).toEqual([1]);
    const known = { position: 1, epoch: 1 };
    const feed = await fleet.answered(one.store.open(taskId, known));
    expect(feed?.log.lastSeq).toBe(1);
    isAnswered.open();
    await fleet.answered(appended);
    await fleet.answered(writer.append(undefined, '"next"'));
    expect(feed?.log.lastSeq).toBe(2);
    elsewhere.close();
  });
});

describe('A task that runs here according to the store, but does not', () => {
  const restarting = { onLost: 'restart' } as const;
  const fleet = useFleet();
  let one: FleetInstance;
  let two: FleetInstance;

  beforeEach(() => {
    one = fleet.open();
    two = fleet.open();
  });

  it('is ended by the sweep of that instance, even where the index of what it holds is lost', async () => {
    const { taskId } = await fleet.answered(started(one.store));
    const { state } = fleet.server.store!;
    const earlier = structuredClone(state.tasks.get(taskId)!);
    await fleet.pass(2_000);
    one.link.isCut = true;
    await fleet.pass(4_000);
    expect((await recordOf(two.store, { taskId })).status).toBe('failed');
    one.link.isCut = false;
    await fleet.pass(2_000);
    state.tasks.set(taskId, earlier); // the store has gone back to when it ran
    for (const held of state.running.values()) held.delete(taskId);
    await fleet.answered(one.store.sweep());
    expect((await recordOf(two.store, { taskId })).status).toBe('failed');
  });

  it('is a lost task like any other where somebody has found it by its key before the start was given up', async () => {
    const three = fleet.open({ ...restarting, timeoutMs: 100 });
    const create = three.driver.create.bind(three.driver);
    jest.spyOn(three.driver, 'create').mockImplementation(async (...args) => {
      await create(...args);
      throw new Error('The answer was lost');
    });
    const asked = draft({ idempotencyKey: 'once' });
    const code = codeOf(() => three.store.create(asked));
    await fleet.pass(200);
    const found = await fleet.answered(two.store.create(draft({ idempotencyKey: 'once' })));
    expect(found).toMatchObject({ created: false, record: { taskId: asked.taskId } });
    const reader = await fleet.answered(reading(two.store, asked.taskId));
    await fleet.pass(1_000);
    expect(await code).toBe('STORE_UNAVAILABLE');
    await fleet.answered(three.store.sweep());
    expect(await recordOf(two.store, { taskId: asked.taskId })).toMatchObject({ status: 'running', orphaned: true });
    expect(reader.subscription.discarded).toBe(false);
    reader.close();
  });
});

describe('A copy of a log that is dropped while somebody opens it', () => {
  const fleet = useFleet();

  it('is opened again where it was dropped for want of memory: only the store can say that a task is gone', async () => {
    const [one, two] = [fleet.open(), fleet.open({ maxBufferedBytes: 4_096 })];
    const tasks = await Promise.all([1, 2].map(() => fleet.answered(started(one.store))));
    const text = JSON.stringify('x'.repeat(500));
    for (const { writer } of tasks) for (let n = 0; n < 6; n++) await fleet.answered(writer.append(undefined, text));
    const [first, second] = tasks.map(({ taskId }) => taskId) as [string, string];
    (await fleet.answered(reading(two.store, first))).close();
    const isSlow = gate();
    const readAfter = two.driver.readAfter.bind(two.driver);
    jest.spyOn(two.driver, 'readAfter').mockImplementationOnce(async (...args) => {
      await isSlow.opened;
      return readAfter(...args);
    });
    const opening = two.store.open(first);
    await fleet.pass(50);
    (await fleet.answered(reading(two.store, second))).close();
    isSlow.open();
    expect(await fleet.answered(opening)).toBeDefined();
  });

  it('is refused as unavailable where its instance is stopping, not as a task that is gone', async () => {
    const [one, two] = [fleet.open(), fleet.open()];
    const { taskId } = await fleet.answered(started(one.store));
    (await fleet.answered(reading(two.store, taskId))).close();
    const isSlow = gate();
    const readAfter = two.driver.readAfter.bind(two.driver);
    jest.spyOn(two.driver, 'readAfter').mockImplementationOnce(async (...args) => {
      await isSlow.opened;
      return readAfter(...args);
    });
    const code = codeOf(() => two.store.open(taskId));
    await fleet.answered(two.store.stop?.());
    isSlow.open();
    expect(await fleet.answered(code)).toBe('STORE_UNAVAILABLE');
  });
});
