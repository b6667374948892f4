import { started } from '../contracts/store-steps.js';
import { Fleet } from './fleet.js';

describe('Tasks whose retention is over', () => {
  it('are forgotten by one sweep, however many there are', async () => {
    const fleet = new Fleet();
    const one = fleet.open({ ttlMs: 1_000 });
    const tasks = await fleet.answered(Promise.all(Array.from({ length: 1_100 }, () => started(one.store))));
    await fleet.answered(Promise.all(tasks.map(async ({ writer }) => writer.finish('completed', '{}'))));
    await fleet.pass(1_001);
    await fleet.answered(one.store.sweep());
    expect(fleet.server.store!.state.tasks.size).toBe(0);
    await fleet.close();
  });
});
