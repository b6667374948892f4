import { TaskError } from '../../lib/core/errors.js';
import type { Fate } from '../../lib/distributed/port/calls.js';
import { claimedBy, reading, recordOf, started } from '../contracts/store-steps.js';
import { codeOf, RecordingExecutor } from '../support/stores/store-fixtures.js';
import { useFleet } from './fleet.js';

describe('Instances on a store that fails', () => {
  const fleet = useFleet();

  describe('with a store that is away for a while', () => {
    it('keep events waiting in order, and lose none', async () => {
      const one = fleet.open({ appendPatienceMs: 10_000 });
      const { taskId, writer } = await fleet.answered(started(one.store));
      await fleet.pass(500);
      one.link.isCut = true;
      const events = Array.from({ length: 50 }, (_, n) => Promise.resolve(writer.append(undefined, String(n))));
      await fleet.pass(4_000);
      one.link.isCut = false;
      await fleet.answered(Promise.all(events));
      const reader = await fleet.answered(reading(one.store, taskId));
      expect(reader.drain().frames.map(({ data }) => Number(data))).toEqual(Array.from({ length: 50 }, (_, n) => n));
      reader.close();
    });

    it('tell the job when it has been away for longer than appendPatienceMs', async () => {
      const one = fleet.open({ appendPatienceMs: 2_000 });
      const { writer } = await fleet.answered(started(one.store));
      one.link.refusesWrites = true;
      const codes = [1, 2].map((n) => codeOf(() => writer.append(undefined, String(n))));
      await fleet.pass(2_500);
      expect(await Promise.all(codes)).toEqual(['STORE_UNAVAILABLE', 'STORE_UNAVAILABLE']);
    });

    it('refuse nothing that may yet be in the log: a call that is under way is answered first', async () => {
      const one = fleet.open({ appendPatienceMs: 500, timeoutMs: 10_000 });
      const { taskId, writer } = await fleet.answered(started(one.store));
      let refuse = (_: Fate): void => undefined;
      jest.spyOn(one.driver, 'append').mockReturnValueOnce([new Promise((resolve) => (refuse = resolve))]);
      let told: unknown;
      void codeOf(() => writer.append(undefined, '"refused"')).then((code) => (told = code));
      await fleet.pass(2_000);
      expect(told).toBeUndefined();
      refuse({ kind: 'refused', passing: true, cause: new Error('MISCONF') });
      await fleet.pass(2_000);
      expect(told).toBe('STORE_UNAVAILABLE');
      await fleet.answered(writer.append(undefined, '"next"'));
      const reader = await fleet.answered(reading(one.store, taskId));
      expect(reader.drain().frames.map(({ seq, data }) => [seq, data])).toEqual([[1, '"next"']]);
      reader.close();
    });

    it('say that the fate of an event is unknown where its call was never answered, and pursue it', async () => {
      const one = fleet.open({ appendPatienceMs: 500, timeoutMs: 200 });
      const { taskId, writer } = await fleet.answered(started(one.store));
      one.link.isCut = true;
      const told = Promise.resolve(writer.append(undefined, '"pursued"')).catch(
        (error: unknown) => (error as Error).message,
      );
      await fleet.pass(2_000);
      expect(await told).toBe('The store does not say whether it has the event');
      one.link.isCut = false;
      await fleet.answered(writer.append(undefined, '"next"'));
      const reader = await fleet.answered(reading(one.store, taskId));
      expect(reader.drain().frames.map(({ data }) => data)).toEqual(['"pursued"', '"next"']);
      reader.close();
    });

    it('tell the job why, where the store says so', async () => {
      const one = fleet.open({ appendPatienceMs: 2_000 });
      const { writer } = await fleet.answered(started(one.store));
      one.link.refusesWrites = true;
      const told = Promise.resolve(writer.append(undefined, '1')).catch((error: unknown) => error);
      await fleet.pass(2_500);
      expect(await told).toMatchObject({ code: 'STORE_UNAVAILABLE', cause: expect.anything() as unknown });
    });

    it('tell the job why where the store accepts no sign of life, and so nothing is sent to it', async () => {
      const one = fleet.open({ appendPatienceMs: 2_000 });
      const { writer } = await fleet.answered(started(one.store));
      const cause = new TaskError('STORE_UNAVAILABLE', 'its tables have layout 99');
      jest.spyOn(one.driver, 'beat').mockRejectedValue(cause);
      await fleet.pass(2_000);
      const told = Promise.resolve(writer.append(undefined, '1')).catch((error: unknown) => error);
      await fleet.pass(2_500);
      expect(await told).toMatchObject({ code: 'STORE_UNAVAILABLE', cause });
    });

    it('refuse an event at once that exceeds the memory for waiting events, at least a mebibyte, and say so', async () => {
      const one = fleet.open({ log: { maxEvents: 10_000, maxBytes: 65_536 } });
      const { writer } = await fleet.answered(started(one.store));
      one.link.isCut = true;
      const kilobyte = JSON.stringify('x'.repeat(1_000));
      const codes = Array.from({ length: 2_500 }, () => codeOf(() => writer.append(undefined, kilobyte)));
      await fleet.pass(100);
      const told = await Promise.race([Promise.all(codes.slice(-20)), fleet.pass(50)]);
      expect(told).toEqual(Array.from({ length: 20 }, () => 'STORE_UNAVAILABLE'));
      one.link.isCut = false;
      await fleet.answered(Promise.all(codes));
    });

    it('end the task as soon as it is back', async () => {
      const one = fleet.open({ appendPatienceMs: 500 });
      const { taskId, writer } = await fleet.answered(started(one.store));
      one.link.isCut = true;
      const code = codeOf(() => writer.finish('completed', '{"done":true}'));
      await fleet.pass(5_000);
      expect(await code).toBe('STORE_UNAVAILABLE');
      one.link.isCut = false;
      await fleet.pass(2_000);
      expect(await recordOf(one.store, { taskId })).toMatchObject({ status: 'completed' });
    });
  });

  describe('with a store that has lost the end of a log', () => {
    it('tell readers what was lost, and give no id twice', async () => {
      const [one, two] = [fleet.open({ onLost: 'restart' }), fleet.open({ onLost: 'restart' })];
      const { taskId, writer } = await fleet.answered(started(one.store));
      for (const n of [1, 2]) await fleet.answered(writer.append(undefined, `"first ${n}"`));
      const saved = structuredClone(fleet.server.store!.state);
      for (const n of [3, 4]) await fleet.answered(writer.append(undefined, `"first ${n}"`));
      const reader = (await fleet.answered(reading(two.store, taskId))).drain();
      expect(reader.seqs).toEqual([1, 2, 3, 4]);

      await fleet.answered(writer.release());
      fleet.kill(one);
      fleet.server.store!.state = saved;
      await fleet.pass(10_000); // until the first instance is taken for dead, and its task may be run again
      const takeover = await fleet.answered(two.store.claim(taskId, false));
      if (takeover === undefined || !('writer' in takeover)) throw new Error('The task cannot be taken over');
      await fleet.answered(takeover.writer.append(undefined, '"second"'));
      await fleet.pass(500);
      reader.drain();
      expect(reader.others).toEqual([{ kind: 'gap', from: 3, to: 4, reason: 'lost', position: 2 }]);
      expect(reader.frames.at(-1)).toMatchObject({ seq: 3, data: '"second"' });
      reader.close();

      // Whoever brings a position of the lost part is told the same, on any instance.
      const third = fleet.open();
      const back = (await fleet.answered(reading(third.store, taskId, { position: 4, epoch: 1 }))).drain();
      expect(back.others).toEqual([{ kind: 'gap', from: 3, to: 4, reason: 'lost', position: 2 }]);
      expect(back.frames).toMatchObject([{ seq: 3, data: '"second"' }]);
      back.close();
    });
  });

  it('claim a task again that the store has forgotten to be theirs, and write nothing of it meanwhile', async () => {
    const one = fleet.open({ onLost: 'restart' });
    const { taskId, writer } = await fleet.answered(started(one.store));
    await fleet.answered(writer.release());
    const saved = structuredClone(fleet.server.store!.state);
    const executor = new RecordingExecutor();
    const again = await fleet.answered(claimedBy(one.store, taskId, executor));
    await fleet.answered(again.append(undefined, '0'));
    const claim = one.driver.claim.bind(one.driver);
    jest.spyOn(one.driver, 'claim').mockImplementation(async (asked) => {
      const answer = await claim(asked);
      await new Promise<void>((resolve) => fleet.clock.after(200, resolve));
      return answer;
    });
    fleet.server.store!.state = saved;
    const events: Promise<void>[] = [];
    for (let n = 1; n <= 20; n++) {
      events.push(Promise.resolve(again.append(undefined, String(n))));
      await fleet.pass(50);
    }
    await fleet.answered(Promise.all(events));
    expect(executor.fences).toEqual([]);
  });

  it('do not go on counting subscribers who have left since the time to which the store has gone back', async () => {
    const [one, two] = [fleet.open(), fleet.open()];
    const { taskId, writer } = await fleet.answered(started(one.store));
    const reader = await fleet.answered(reading(two.store, taskId));
    await fleet.pass(200);
    const saved = structuredClone(fleet.server.store!.state);
    reader.close();
    await fleet.pass(10_000); // until the other instance has no copy of the log any more
    fleet.server.store!.state = saved;
    await fleet.pass(2_000);
    expect(await fleet.answered(writer.countSubscribers())).toBe(1);
    await fleet.answered(two.store.sweep());
    await fleet.pass(2_000);
    expect(await fleet.answered(writer.countSubscribers())).toBe(0);
  });
});
