import { claimedBy, reading, started } from '../contracts/store-steps.js';
import { RecordingExecutor } from '../support/stores/store-fixtures.js';
import { useFleet } from './fleet.js';

describe('Subscribers of a task on other instances', () => {
  const fleet = useFleet();

  it('do not count for ever after their instance has died', async () => {
    const [one, two] = [fleet.open(), fleet.open()];
    const { taskId, writer } = await fleet.answered(started(one.store));
    await fleet.answered(reading(two.store, taskId));
    await fleet.pass(2_000);
    fleet.kill(two);
    await fleet.pass(10_000);
    expect(await fleet.answered(writer.countSubscribers())).toBe(0);
  });

  it('do not count for ever where somebody else was faster to strike their instance off', async () => {
    const [one, two] = [fleet.open(), fleet.open()];
    const { taskId, executor } = await fleet.answered(started(one.store));
    await fleet.answered(reading(two.store, taskId));
    await fleet.pass(2_000);
    expect(executor.audiences.at(-1)).toBe(1);
    fleet.kill(two);
    const [, name = ''] = fleet.server.store!.state.beats.keys();
    await one.driver.removeInstance(name, undefined);
    await fleet.pass(6_000);
    expect(executor.audiences.at(-1)).toBe(0);
  });

  it('do not count for ever where nobody has heard of it that they left', async () => {
    const [one, two] = [fleet.open(), fleet.open()];
    const { taskId, executor } = await fleet.answered(started(one.store));
    const reader = await fleet.answered(reading(two.store, taskId));
    await fleet.pass(200);
    jest.spyOn(two.driver, 'notify').mockRejectedValueOnce(new Error('The note was lost'));
    reader.close();
    await fleet.pass(200);
    expect(executor.audiences.at(-1)).toBe(1);
    await fleet.pass(6_000);
    expect(executor.audiences.at(-1)).toBe(0);
  });

  it('are counted again where one leaves while they are counted', async () => {
    const [one, two] = [fleet.open(), fleet.open()];
    const { taskId, executor } = await fleet.answered(started(one.store));
    const readers = [
      await fleet.answered(reading(two.store, taskId)),
      await fleet.answered(reading(two.store, taskId)),
    ];
    await fleet.pass(200);
    const readAudience = one.driver.readAudience.bind(one.driver);
    jest.spyOn(one.driver, 'readAudience').mockImplementationOnce(async (taskIds) => {
      const shares = await readAudience(taskIds);
      readers[1]?.close(); // whose note arrives before this answer
      await new Promise<void>((resolve) => fleet.clock.after(100, resolve));
      return shares;
    });
    readers[0]?.close();
    await fleet.pass(500);
    expect(executor.audiences.at(-1)).toBe(0);
  });

  it('are told to a run that has taken the task over and has no copy of its log', async () => {
    const [one, two] = [fleet.open({ onLost: 'restart' }), fleet.open({ onLost: 'restart' })];
    const three = fleet.open({ onLost: 'restart' });
    const { taskId, writer } = await fleet.answered(started(one.store));
    const reader = await fleet.answered(reading(two.store, taskId));
    await fleet.answered(writer.release());
    const executor = new RecordingExecutor();
    await fleet.answered(claimedBy(three.store, taskId, executor));
    await fleet.pass(500);
    expect(executor.audiences.at(-1)).toBe(1);
    reader.close(); // its instance notifies the former holder, whom it knows
    await fleet.pass(6_000);
    expect(executor.audiences.at(-1)).toBe(0);
  });
});
