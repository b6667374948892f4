import { finished, started } from '../contracts/store-steps.js';
import { turns, useFleet } from './fleet.js';

const TTL_MS = 1_000;

describe('Tasks whose retention is over', () => {
  const fleet = useFleet();

  it('are forgotten by one sweep, however many there are', async () => {
    const one = fleet.open({ ttlMs: TTL_MS });
    const tasks = await fleet.answered(Promise.all(Array.from({ length: 1_100 }, () => started(one.store))));
    await fleet.answered(Promise.all(tasks.map(async ({ writer }) => writer.finish('completed', '{}'))));
    await fleet.pass(TTL_MS + 1);
    await fleet.answered(one.store.sweep());
    expect(fleet.server.store!.state.tasks.size).toBe(0);
  });

  it('leave nothing in the store or in an instance that has read them, while others come all the time', async () => {
    const [one, two] = [fleet.open({ ttlMs: TTL_MS }), fleet.open({ ttlMs: TTL_MS })];
    const round = async (): Promise<void> => {
      const made = await fleet.answered(
        Promise.all(
          Array.from({ length: 50 }, (_, n) => finished(one.store, 2, { idempotencyKey: String(n), slot: String(n) })),
        ),
      );
      for (const { taskId } of made) await fleet.answered(two.store.open(taskId));
      await fleet.pass(TTL_MS + 1);
      await fleet.answered(two.store.sweep());
    };
    const sizes = (): unknown => {
      const { running, beats: _beats, ...indexes } = fleet.server.store!.state;
      const held = [...running.values()].reduce((sum, taskIds) => sum + taskIds.size, 0);
      const kept = Object.fromEntries(Object.entries(indexes).map(([name, index]) => [name, index.size]));
      return { ...kept, held, copies: two.store.sizes() };
    };
    await round();
    const level = sizes();
    await round();
    await round();
    expect(sizes()).toEqual(level);
    expect(level).toMatchObject({ tasks: 0, ended: 0, listed: 0, orphans: 0, keys: 0, held: 0 });
    expect(level).toMatchObject({ copies: { finished: 0, bufferedBytes: 0 } });
  });
});

describe('A list of tasks', () => {
  const fleet = useFleet();

  it('shows none twice and misses none, whatever is started between its pages', async () => {
    const one = fleet.open();
    const asked = await fleet.answered(Promise.all(Array.from({ length: 230 }, () => started(one.store))));
    const list = one.driver.list.bind(one.driver);
    const pages = jest.spyOn(one.driver, 'list').mockImplementation(async (query) => {
      const page = await list(query);
      await Promise.all(Array.from({ length: 10 }, () => started(one.store)));
      return page;
    });
    const listed = (await fleet.answered(one.store.list({ limit: 10_000 }))).map(({ taskId }) => taskId);
    expect(pages.mock.calls.length).toBeGreaterThan(2);
    expect(new Set(listed).size).toBe(listed.length);
    expect([...listed].sort()).toEqual(asked.map(({ taskId }) => taskId).sort());
  });

  it('of one status asks the store for that status, in one page', async () => {
    const one = fleet.open();
    const { taskId } = await fleet.answered(started(one.store)); // behind all others
    await fleet.answered(Promise.all(Array.from({ length: 300 }, () => finished(one.store))));
    await turns(4);
    one.link.calls.clear();
    const listed = await fleet.answered(one.store.list({ status: 'running', limit: 10 }));
    expect(listed).toMatchObject([{ taskId, status: 'running' }]);
    expect(one.link.calls.get('list')).toBe(1);
  });
});
