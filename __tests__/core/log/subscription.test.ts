import { Subscription, type Start } from '../../../lib/core/log/subscription.js';
import type { MemoryFeed } from '../../../lib/core/store/memory-feed.js';
import type { TaskWriter } from '../../../lib/core/ports.js';
import { started } from '../../contracts/store-steps.js';
import { openMemory } from '../../support/stores/memory-stores.js';
import { type RecordingExecutor } from '../../support/stores/store-fixtures.js';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('Subscription', () => {
  let feed: MemoryFeed;
  let writer: TaskWriter;
  let executor: RecordingExecutor;
  let wakes: number;
  let state: string | undefined;

  const subscribe = (start: Partial<Start> = {}, id?: string): Subscription =>
    new Subscription(feed, id, { position: 0, snapshot: false, ...start }, { wake: () => wakes++ });
  const append = (count: number): void => {
    for (let n = 0; n < count; n++) void writer.append(undefined, '1');
  };

  beforeEach(async () => {
    const store = openMemory({ log: { maxEvents: 64, maxBytes: 65_536 } });
    state = undefined;
    wakes = 0;
    const task = await started(store, { snapshot: () => state });
    ({ writer, executor } = task);
    feed = store.open(task.taskId)!;
  });

  afterEach(turn); // what was appended wakes nobody in the next test

  it('reads the kept events, moves its position, and then reads nothing until there is more', () => {
    const subscription = subscribe();
    expect(subscription.read()).toBeUndefined();
    append(3);
    expect(subscription.read()).toMatchObject({ kind: 'frames', from: 0, to: 3 });
    expect(subscription.position).toBe(3);
    expect(subscription.read()).toBeUndefined();
    append(1);
    expect(subscription.read()).toMatchObject({ kind: 'frames', from: 3, to: 4 });
  });

  it('is finished when it has read the terminal event, and not before', () => {
    const subscription = subscribe();
    append(1);
    void writer.finish('completed', '{}');
    expect(subscription.finished).toBe(false);
    subscription.read();
    expect(subscription.finished).toBe(true);
    expect(subscribe({ position: 2 }).finished).toBe(true);
    expect(subscribe({ position: 1 }).finished).toBe(false);
  });

  it('gets the end once more where the event at its position is of a holder that the log never had', () => {
    append(1);
    void writer.finish('completed', '{}');
    const subscription = subscribe({ position: 2, epoch: 7 });
    expect(subscription.finished).toBe(false);
    expect(subscription.read()).toMatchObject({ kind: 'gap', from: 2, to: 2, reason: 'lost' });
    expect(subscription.read()).toMatchObject({ kind: 'frames', from: 1, to: 2 });
    expect(subscription.finished).toBe(true);
  });

  it('is woken while it is open', async () => {
    const subscription = subscribe();
    append(1);
    await turn();
    expect(wakes).toBe(1);
    subscription.close();
    append(1);
    await turn();
    expect(wakes).toBe(1);
  });

  it('joins and leaves the audience once', () => {
    const subscription = subscribe({}, 'ann');
    subscription.close();
    subscription.close();
    expect(executor.audiences).toEqual([1, 0]);
  });

  it('reports where it left off', () => {
    append(5);
    const subscription = subscribe({ position: 1 }, 'ann');
    subscription.close();
    expect(feed.record.audience.departedAt('ann')).toBe(1);
    const again = subscribe({ position: 1 }, 'ann');
    again.read();
    append(1);
    again.close();
    expect(feed.record.audience.departedAt('ann')).toBe(5);
  });

  describe('where events are missing', () => {
    it('reads one gap that names them, then goes on', () => {
      append(100);
      const first = feed.log.firstSeq;
      const subscription = subscribe({ position: 0 });
      expect(subscription.read()).toEqual({
        kind: 'gap',
        from: 1,
        to: first - 1,
        reason: 'trimmed',
        position: first - 1,
      });
      expect(subscription.position).toBe(first - 1);
      expect(subscription.read()).toMatchObject({ kind: 'frames', from: first - 1 });
    });

    it('reads a gap up to the head where nothing is kept', () => {
      append(3);
      while (feed.log.dropOldestSegment() > 0);
      const subscription = subscribe();
      expect(subscription.read()).toMatchObject({ kind: 'gap', from: 1, to: 3, position: 3 });
      expect(subscription.read()).toBeUndefined();
      append(1);
      expect(subscription.read()).toMatchObject({ kind: 'frames', from: 3, to: 4 });
    });

    it.each([
      [4, 3],
      [1_000, 3],
      [Number.MAX_SAFE_INTEGER, 3],
      [1, 0],
    ])('goes back from %d to the head at %d, and says so', (position, head) => {
      append(head);
      const subscription = subscribe({ position });
      expect(subscription.read()).toEqual({
        kind: 'gap',
        from: head + 1,
        to: position,
        reason: 'ahead',
        position: head,
      });
      expect(subscription.read()).toBeUndefined();
      append(1);
      expect(subscription.read()).toMatchObject({ kind: 'frames', from: head, to: head + 1 });
    });

    it('reads a snapshot in the place of the gap, and the rest of the log after it', () => {
      append(100);
      state = '"all"';
      const subscription = subscribe();
      expect(subscription.read()).toEqual({ kind: 'snapshot', after: 0, seq: 100, json: '"all"' });
      expect(subscription.read()).toBeUndefined();
      void writer.finish('completed', '{}');
      expect(subscription.read()).toMatchObject({ kind: 'frames', from: 100, to: 101 });
      expect(subscription.finished).toBe(true);
    });

    it('reads the gap where the snapshot has gone', () => {
      append(100);
      state = undefined;
      expect(subscribe().read()).toMatchObject({ kind: 'gap', reason: 'trimmed' });
    });

    it('reads a snapshot again when it falls behind again', () => {
      state = '1';
      const subscription = subscribe();
      for (let round = 1; round <= 3; round++) {
        append(100);
        expect(subscription.read()).toEqual({
          kind: 'snapshot',
          after: (round - 1) * 100,
          seq: round * 100,
          json: '1',
        });
      }
    });
  });

  describe('that asks for a snapshot', () => {
    it('begins with it although everything is kept, and reads it once', () => {
      append(5);
      state = '{"n":5}';
      const subscription = subscribe({ snapshot: true });
      expect(subscription.read()).toEqual({ kind: 'snapshot', after: 0, seq: 5, json: '{"n":5}' });
      append(1);
      expect(subscription.read()).toMatchObject({ kind: 'frames', from: 5, to: 6 });
    });

    it('begins with the events where there is none', () => {
      append(5);
      expect(subscribe({ snapshot: true }).read()).toMatchObject({ kind: 'frames', from: 0, to: 5 });
    });

    it('reads the terminal event after it, when the task has ended', () => {
      append(5);
      state = '{"n":5}';
      void writer.finish('completed', '{}');
      const subscription = subscribe({ snapshot: true });
      expect(subscription.read()).toEqual({ kind: 'snapshot', after: 0, seq: 5, json: '{"n":5}' });
      expect(subscription.read()).toMatchObject({ kind: 'frames', from: 5, to: 6 });
      expect(subscription.finished).toBe(true);
    });

    it('takes the state for a position ahead of the log', () => {
      append(5);
      state = '{"n":5}';
      const subscription = subscribe({ snapshot: true, position: 50 });
      expect(subscription.read()).toEqual({ kind: 'snapshot', after: 5, seq: 5, json: '{"n":5}' });
      expect(subscription.read()).toBeUndefined();
    });
  });

  describe('of a task that is forgotten', () => {
    it('reads nothing more, and is discarded, not finished', () => {
      append(2);
      const subscription = subscribe();
      void writer.finish('completed', '{}');
      feed.log.discard();
      expect(subscription.read()).toBeUndefined();
      expect(subscription).toMatchObject({ discarded: true, finished: false });
    });

    it('is finished, not discarded, where it has read everything', () => {
      const subscription = subscribe();
      void writer.finish('completed', '{}');
      subscription.read();
      feed.log.discard();
      expect(subscription).toMatchObject({ discarded: false, finished: true });
    });
  });
});
