import { AsyncLocalStorage } from 'node:async_hooks';
import { Memory, Pinnable } from '../../../lib/core/log/memory.js';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('connections that send from more memory than they may', () => {
  const storage = new AsyncLocalStorage<string>();

  it('are cut later, in the context of no request, whoever needed the memory', async () => {
    const memory = new Memory(100, () => false);
    const cut: [name: string, context: string | undefined][] = [];
    const piece = (name: string): Pinnable => {
      const pinned = new Pinnable(20);
      pinned.pin({ cut: () => void cut.push([name, storage.getStore()]) });
      return pinned;
    };
    const pieces = ['oldest', 'newest'].map(piece);
    storage.run('appender', () => {
      for (const each of pieces) memory.dropped(each);
    });
    expect(cut).toEqual([]);
    await turn();
    expect(cut).toEqual([['oldest', undefined]]);
    expect(memory.bytes).toBe(20);
  });
});
