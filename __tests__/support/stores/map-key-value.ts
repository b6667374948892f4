import type { KeyValue } from '../../../lib/store/index.js';

/** A key-value store over a map, which answers in a later turn of the event loop, as one elsewhere does. */
export class MapKeyValue implements KeyValue {
  readonly values = new Map<string, string>();

  async get(key: string): Promise<string | undefined> {
    await Promise.resolve();
    return this.values.get(key);
  }

  async swap(key: string, expected: string | undefined, value: string | undefined): Promise<boolean> {
    await Promise.resolve();
    if (this.values.get(key) !== expected) return false;
    if (value === undefined) this.values.delete(key);
    else this.values.set(key, value);
    return true;
  }

  async list(prefix: string, after: string, limit: number): Promise<readonly (readonly [string, string])[]> {
    await Promise.resolve();
    const keys = [...this.values.keys()].filter((key) => key.startsWith(prefix) && key > after).sort();
    return keys.slice(0, limit).map((key) => [key, this.values.get(key)!] as const);
  }
}
