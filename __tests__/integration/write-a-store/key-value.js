import { createTaskManager } from '../../../dist/esm/index.js';
import { createKeyValueDriver, createTaskStore } from '../../../dist/esm/store/index.js';
/** Texts under keys. In a database of yours the map is a table, a bucket or a keyspace that all processes share. */
export class MapKeyValue {
    #values = new Map();
    async get(key) {
        return this.#values.get(key);
    }
    async swap(key, expected, value) {
        if (this.#values.get(key) !== expected)
            return false;
        if (value === undefined)
            this.#values.delete(key);
        else
            this.#values.set(key, value);
        return true;
    }
    async list(prefix, after, limit) {
        return [...this.#values]
            .filter(([key]) => key.startsWith(prefix) && key > after)
            .sort(([a], [b]) => (a < b ? -1 : 1))
            .slice(0, limit);
    }
}
export const tasksOver = (keyValue) => createTaskManager({ store: createTaskStore(createKeyValueDriver({ keyValue }), { leaseMs: 10_000 }) });
