import { ClientDirectory, type Gateway } from '../../../lib/nats/presence/client-directory.js';

const gateway = (id: string): Gateway => ({ id, version: undefined, clients: 0 });

describe('ClientDirectory', () => {
  it('holds a client as long as any gateway does', () => {
    const directory = new ClientDirectory();
    const [a, b, c] = [gateway('a'), gateway('b'), gateway('c')];
    expect([a, b, c, a].map((each) => directory.add('ann', each))).toEqual([true, true, true, false]);
    directory.add('bob', b);
    expect([a.clients, b.clients, directory.size]).toEqual([1, 2, 2]);
    expect([...directory.clientsOf(b)]).toEqual(['ann', 'bob']);
    expect([directory.delete('ann', b), directory.delete('ann', b), directory.has('ann')]).toEqual([
      false,
      false,
      true,
    ]);
    expect([directory.delete('ann', a), directory.holds('ann', c), directory.delete('ann', c)]).toEqual([
      false,
      true,
      true,
    ]);
    expect([directory.has('ann'), directory.delete('nobody', a), a.clients, b.clients]).toEqual([false, false, 0, 1]);
  });
});
