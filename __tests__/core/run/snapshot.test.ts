import { Snapshot } from '../../../lib/core/run/snapshot.js';
import { ProcessGuard } from '../../support/processes/process-guard.js';

const failure = new Error('no');
const fail = (): never => {
  throw failure;
};

describe('Snapshot', () => {
  it('is the initial state before any event', () => {
    const snapshot = new Snapshot({ initial: () => ({ text: '' }), reduce: (state) => state }, fail);
    expect(snapshot.toJson()).toBe('{"text":""}');
  });

  it('folds the events in order', () => {
    const snapshot = new Snapshot(
      { initial: () => '', reduce: (text: unknown, data) => `${String(text)}${String(data)}` },
      fail,
    );
    for (const token of ['The ', 'text ', 'so far']) snapshot.add(token, 8);
    expect(snapshot.toJson()).toBe('"The text so far"');
  });

  it('goes on from the state and the progress of another run', () => {
    const options = { initial: () => 0, reduce: (sum: unknown, data: unknown) => Number(sum) + Number(data) };
    const resumed = new Snapshot(options, fail);
    resumed.resume({ state: '6', progress: ['4', '5'] });
    expect(resumed.toJson()).toBe('15');
    const begun = new Snapshot(options, fail);
    begun.resume({ state: undefined, progress: ['4'] });
    expect(begun.toJson()).toBe('4');
  });

  it('is absent where the state that it would go on from is lost', () => {
    const snapshot = new Snapshot({ initial: () => 0, reduce: (sum) => sum }, fail);
    snapshot.resume(undefined);
    snapshot.add(1, 8);
    expect(snapshot.toJson()).toBeUndefined();
  });

  it('follows a state that its reducer changes in place', () => {
    const snapshot = new Snapshot(
      {
        initial: () => [] as unknown[],
        reduce: (state, data) => {
          (state as unknown[]).push(data);
          return state;
        },
      },
      fail,
    );
    snapshot.add(1, 8);
    expect(snapshot.toJson()).toBe('[1]');
    snapshot.add(2, 8);
    expect(snapshot.toJson()).toBe('[1,2]');
  });

  it('encodes a state once, however many ask for it', () => {
    let encoded = 0;
    const state = { toJSON: () => ++encoded };
    const snapshot = new Snapshot({ initial: () => state, reduce: () => state }, fail);
    expect([snapshot.toJson(), snapshot.toJson(), snapshot.toJson()]).toEqual(['1', '1', '1']);
    snapshot.add(0, 8);
    expect([snapshot.toJson(), snapshot.toJson()]).toEqual(['2', '2']);
  });

  it('is gone for good, reported once, when its reducer throws', () => {
    const errors: unknown[] = [];
    let calls = 0;
    const reduce = (state: unknown): unknown => (++calls === 2 ? fail() : state);
    const snapshot = new Snapshot({ initial: () => 1, reduce }, (error) => errors.push(error));
    snapshot.add(1, 8);
    expect(snapshot.toJson()).toBe('1');
    for (let n = 0; n < 3; n++) {
      snapshot.add(2, 8);
      expect(snapshot.toJson()).toBeUndefined();
    }
    expect(errors).toEqual([expect.objectContaining({ code: 'CALLBACK_FAILED', cause: failure })]);
    expect(calls).toBe(2);
  });

  it('is gone, reported once, where another run cannot go on from the stored state', () => {
    const errors: unknown[] = [];
    const fold = { add: () => undefined, toJson: () => '1', restore: fail };
    const snapshot = new Snapshot(
      () => fold,
      (error) => errors.push(error),
    );
    snapshot.resume({ state: '1', progress: ['2'] });
    expect(snapshot.toJson()).toBeUndefined();
    expect(errors).toEqual([expect.objectContaining({ code: 'CALLBACK_FAILED', cause: failure })]);
  });

  it.each([
    ['undefined', undefined],
    ['a BigInt', 1n],
    ['a function', fail],
  ])('is gone for good, reported once, when its state is %s', (_, state) => {
    const errors: unknown[] = [];
    const snapshot = new Snapshot({ initial: () => state, reduce: () => 1 }, (error) => errors.push(error));
    expect(snapshot.toJson()).toBeUndefined();
    snapshot.add(1, 8);
    expect(snapshot.toJson()).toBeUndefined();
    expect(errors).toEqual([expect.objectContaining({ code: 'UNSERIALIZABLE' })]);
  });

  it.each(
    (['add', 'toJson', 'restore'] as const).flatMap((part) => [
      { part, how: 'throws', fails: fail as () => unknown },
      { part, how: 'rejects', fails: (): unknown => Promise.reject(failure) },
    ]),
  )('is gone for good, reported once, where $part of its fold $how', async ({ part, fails }) => {
    const guard = new ProcessGuard();
    const errors: unknown[] = [];
    const fold = { add: () => undefined, toJson: () => '1', restore: () => undefined, [part]: fails };
    const snapshot = new Snapshot(
      () => fold,
      (error) => errors.push(error),
    );
    snapshot.resume({ state: '1', progress: ['1'] }, 1);
    snapshot.add(2, 8);
    expect(snapshot.toJson()).toBeUndefined();
    for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate);
    expect(guard.take()).toEqual([]);
    expect(errors).toEqual([expect.objectContaining({ code: 'CALLBACK_FAILED' })]);
    guard.close();
  });

  it('throws what its initial state throws: the task cannot start', () => {
    expect(() => new Snapshot({ initial: fail, reduce: fail }, () => undefined)).toThrow(
      expect.objectContaining({ code: 'CALLBACK_FAILED', cause: failure }),
    );
  });
});
