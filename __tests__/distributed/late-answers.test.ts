import { createTaskStore } from '../../lib/distributed/create-task-store.js';
import { lostEnding } from '../../lib/distributed/outcomes.js';
import type { OpenTaskStore } from '../../lib/core/ports.js';
import { started } from '../contracts/store-steps.js';
import { FeedReader } from '../support/jobs/feed-reader.js';
import { ManualClock } from '../support/clock/manual-clock.js';
import { MapDriver, MapServer } from '../support/stores/map-driver.js';
import { codeOf, draft, storeSettings } from '../support/stores/store-fixtures.js';

const turns = async (count: number): Promise<void> => {
  for (let n = 0; n < count; n++) await new Promise((resolve) => setImmediate(resolve));
};

describe('an answer that comes too late, or never', () => {
  const clock = new ManualClock();
  let driver: MapDriver;
  let store: OpenTaskStore;

  const pass = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += 100) {
      clock.advance(100);
      await turns(4);
    }
  };

  /** Another instance on the same store. */
  const openElsewhere = (): [MapDriver, OpenTaskStore] => {
    const server = new MapServer();
    server.store = driver.store;
    const elsewhere = new MapDriver(server);
    return [elsewhere, createTaskStore(elsewhere)(storeSettings({ clock }))];
  };

  beforeEach(() => {
    driver = new MapDriver(new MapServer());
    store = createTaskStore(driver)(storeSettings({ clock, onLost: 'restart' }));
  });

  afterEach(() => store.stop?.());

  it('to a start refuses the start where others have ended the task meanwhile', async () => {
    const create = driver.create.bind(driver);
    jest.spyOn(driver, 'create').mockImplementationOnce(async (asked, holder) => {
      await create(asked, holder);
      const claim = { taskId: asked.taskId, expected: { token: 1, holder }, instance: 'other', token: 2, attempt: 1 };
      await driver.claim({ ...claim, nonce: 'n', ending: lostEnding(asked.taskId) });
      throw new Error('The answer was lost');
    });
    const asked = draft();
    const code = codeOf(() => store.create(asked));
    await pass(200);
    expect(await code).toBe('STORE_UNAVAILABLE');
    expect(await store.find({ taskId: asked.taskId })).toMatchObject({ status: 'failed', lastSeq: 1 });
  });

  it('about a task, behind that about its log, has the rest of the log read: what was appended in between is no loss', async () => {
    const { taskId, writer } = await started(store);
    await writer.append(undefined, '1');
    const [elsewhere, other] = openElsewhere();
    const read = elsewhere.read.bind(elsewhere);
    jest.spyOn(elsewhere, 'read').mockImplementationOnce(async (...args) => {
      await turns(1);
      await Promise.all([writer.append(undefined, '2'), writer.finish('completed', '{}')]);
      return read(...args);
    });
    const feed = await other.open(taskId);
    const reader = new FeedReader(feed!).drain();
    expect(reader.seqs).toEqual([1, 2, 3]);
    reader.close();
    await other.stop?.();
  });

  it('to one who opens a log is not all that the next one gets: what was appended in between is read again', async () => {
    const { taskId, writer } = await started(store);
    await writer.append(undefined, '1');
    const [elsewhere, other] = openElsewhere();
    const readAfter = elsewhere.readAfter.bind(elsewhere);
    let answer = (): void => undefined;
    let held: Promise<unknown> = new Promise<void>((resolve) => (answer = resolve));
    jest.spyOn(elsewhere, 'readAfter').mockImplementation(async (...args) => {
      const [entries] = await Promise.all([readAfter(...args), held]);
      held = turns(1);
      return entries;
    });
    const first = Promise.resolve(other.open(taskId));
    await turns(4);
    await writer.append(undefined, '2');
    const second = Promise.resolve(other.open(taskId, { position: 2, epoch: 1 })).then((feed) => feed?.log.lastSeq);
    await turns(4);
    answer();
    expect(await second).toBe(2);
    await first;
    await other.stop?.();
  });

  it('of notifications has them listened to anew, and tried only later: at once they could not be heard yet', async () => {
    const [renewed, notified]: [number[], number[]] = [[], []];
    const renew = (): void => void renewed.push(clock.now());
    const notifications = { follow: async () => undefined, unfollow: () => undefined, renew, close: () => undefined };
    jest.spyOn(driver, 'listen').mockReturnValue(notifications);
    jest.spyOn(driver, 'notify').mockImplementation(async () => void notified.push(clock.now()));
    await started(store);
    await pass(6_000);
    expect(renewed.length).toBeGreaterThan(1);
    expect(notified.filter((atMs) => renewed.includes(atMs))).toEqual([]);
  });

  it('to a start leaves no task behind that nobody runs, although the store has created it', async () => {
    const create = driver.create.bind(driver);
    jest.spyOn(driver, 'create').mockImplementation(async (...args) => {
      await create(...args);
      throw new Error('The answer was lost');
    });
    const asked = draft({ idempotencyKey: 'once' });
    const code = codeOf(() => store.create(asked));
    await pass(1_000);
    expect(await code).toBe('STORE_UNAVAILABLE');
    await store.sweep();
    expect(await store.find({ taskId: asked.taskId })).toBeUndefined();
    expect(await store.find({ idempotencyKey: 'once', owner: undefined })).toBeUndefined();
  });

  it('to a hand-over loses no task: the instance finds it among its own, and hands it over again', async () => {
    const { taskId, writer } = await started(store);
    jest.spyOn(driver, 'orphan').mockRejectedValueOnce(new Error('The store is away'));
    expect(await codeOf(async () => writer.release())).toBe('STORE_UNAVAILABLE');
    expect(await store.find({ taskId })).toMatchObject({ status: 'running', orphaned: false });
    await store.sweep();
    expect(await store.find({ taskId })).toMatchObject({ status: 'running', orphaned: true });
  });

  it('to an append makes the instance look, and the event is in the log once', async () => {
    const { taskId, writer } = await started(store);
    const append = driver.append.bind(driver);
    jest.spyOn(driver, 'append').mockImplementationOnce((batches) =>
      append(batches).map(async (fate) => {
        await fate;
        throw new Error('The answer was lost');
      }),
    );
    const first = Promise.resolve(writer.append(undefined, '1'));
    const second = Promise.resolve(writer.append(undefined, '2'));
    await pass(300);
    await Promise.all([first, second]);
    expect(driver.store.readAfter(taskId, { token: 0, seq: 0 }, 10).map(({ text }) => text)).toEqual(['\n1\n\n2\n']);
  });

  it('to an append, followed by a refusal, gives the number of the event to no other', async () => {
    const { taskId, writer } = await started(store);
    const append = driver.append.bind(driver);
    const refused = { kind: 'refused', passing: false, cause: new Error('READONLY') } as const;
    let late: () => Promise<unknown> = async () => undefined;
    jest
      .spyOn(driver, 'append')
      .mockImplementationOnce((batches) => {
        late = () => Promise.all(append(batches)); // it is still on its way
        return batches.map(() => Promise.reject(new Error('No answer')));
      })
      .mockReturnValueOnce([Promise.resolve(refused)]);
    const first = Promise.resolve(writer.append(undefined, '"first"'));
    await pass(300);
    const second = Promise.resolve(writer.append(undefined, '"second"'));
    await late();
    await pass(500);
    await Promise.all([first, second]);
    const texts = driver.store.readAfter(taskId, { token: 0, seq: 0 }, 10).map(({ text }) => text);
    expect(texts).toEqual(['\n"first"\n', '\n"second"\n']);
  });

  it.each([true, false])(
    'to an append that its client has sent again, which is refused (passing: %s), loses nothing',
    async (passing) => {
      const { taskId, writer } = await started(store);
      const append = driver.append.bind(driver);
      const refused = { kind: 'refused', passing, cause: new Error('READONLY') } as const;
      let isDone = false;
      const refusing = jest.spyOn(driver, 'append').mockImplementation((batches) => {
        if (!isDone) void Promise.all(append(batches));
        isDone = true;
        return batches.map(async () => refused);
      });
      const first = Promise.resolve(writer.append(undefined, '"first"'));
      await pass(60_000); // longer than the job's patience
      refusing.mockRestore();
      const second = Promise.resolve(writer.append(undefined, '"second"'));
      await pass(500);
      await Promise.all([first, second]);
      const texts = driver.store.readAfter(taskId, { token: 0, seq: 0 }, 10).map(({ text }) => text);
      expect(texts).toEqual(['\n"first"\n', '\n"second"\n']);
    },
  );

  it('to a claim makes the instance claim again with the same nonce, and run the task', async () => {
    const { taskId, writer } = await started(store);
    await writer.release();
    const claim = driver.claim.bind(driver);
    jest.spyOn(driver, 'claim').mockImplementationOnce(async (asked) => {
      await claim(asked);
      throw new Error('The answer was lost');
    });
    const claiming = Promise.resolve(store.claim(taskId, false));
    await pass(300);
    expect(await claiming).toMatchObject({ writer: { record: { attempt: 2 } } });
  });
});
