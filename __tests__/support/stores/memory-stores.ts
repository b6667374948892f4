import { MemoryStore } from '../../../lib/core/store/memory-store.js';
import type { OpenTaskStore, StoreSettings, TaskStore } from '../../../lib/core/ports.js';
import { storeSettings } from './store-fixtures.js';

/** A memory store that no manager has opened. */
export const openMemory = (changed: Partial<StoreSettings> = {}): MemoryStore =>
  new MemoryStore(storeSettings(changed));

/** A store that every manager given it opens as the same memory. */
export interface SharedMemory {
  readonly store: TaskStore;
  /** Undefined until a manager has opened it. */
  readonly memory: MemoryStore;
}

/** @param prepare changes the memory before it is used; its settings are those of the first manager */
export function sharedMemory(prepare: (memory: MemoryStore) => void = () => undefined): SharedMemory {
  let memory: MemoryStore | undefined;
  return {
    store: (settings) => {
      if (memory === undefined) prepare((memory = new MemoryStore(settings)));
      return memory;
    },
    get memory() {
      if (memory === undefined) throw new Error('No manager has opened the store');
      return memory;
    },
  };
}

/** The same, and it says that other instances serve its tasks. */
export const asShared = (memory: MemoryStore): MemoryStore => Object.assign(memory, { shared: true });

/** A store in memory one `method` of which is replaced by `answer`. */
export function storeWhose(method: keyof OpenTaskStore, answer: () => unknown): TaskStore {
  return sharedMemory((memory) => Object.defineProperty(memory, method, { value: answer })).store;
}
