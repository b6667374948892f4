/** The smallest thing that tasks can be kept in: texts under keys, each replaced only by whoever knows what it was. */

/**
 * A database that `createKeyValueDriver` can keep tasks in. Keys are ASCII, of at most 200
 * characters; values are JSON, from some bytes to about what one event, one input or one snapshot takes. A promise that
 * rejects says that nobody knows whether the call was carried out: it is looked up, or made again.
 */
export interface KeyValue {
  /** The value under a key; undefined where there is none. Must see every `swap` that was answered before. */
  get(key: string): Promise<string | undefined>;
  /**
   * Replaces the value under `key` by `value`, in one step, if it is `expected` still. Undefined stands for no value: there
   * must be none, or it is deleted. False where it is another one; then nothing has changed.
   */
  swap(key: string, expected: string | undefined, value: string | undefined): Promise<boolean>;
  /**
   * Keys that begin with `prefix` and come after `after`, with their values, in the order of their characters: at most
   * `limit`, and fewer only where there are no more.
   */
  list(prefix: string, after: string, limit: number): Promise<readonly (readonly [key: string, value: string])[]>;
}

/** The number of keys that are listed together. */
const PAGE = 200;

/** The outcome of a change: the answer for the caller, and the new document. */
export interface Change<T, R> {
  readonly answer: R;
  /** Absent: it stays as it is. Undefined: it is deleted. */
  readonly value?: T | undefined;
}

/** JSON documents in a key-value store. */
export class Documents {
  constructor(readonly keyValue: KeyValue) {}

  async read<T>(key: string): Promise<T | undefined> {
    const text = await this.keyValue.get(key);
    return text === undefined ? undefined : (JSON.parse(text) as T);
  }

  /** Changes a document in one step: `change` is called again with what it is then, until nobody else was faster. */
  async update<T, R>(
    key: string,
    change: (current: T | undefined) => Change<T, R> | Promise<Change<T, R>>,
  ): Promise<R> {
    for (;;) {
      const text = await this.keyValue.get(key);
      const changed = await change(text === undefined ? undefined : (JSON.parse(text) as T));
      if (!('value' in changed)) return changed.answer;
      const next = changed.value === undefined ? undefined : JSON.stringify(changed.value);
      if (next === text || (await this.keyValue.swap(key, text, next))) return changed.answer;
    }
  }

  /** Puts what `change` returns in its place; undefined deletes it. */
  async replace<T>(key: string, change: (current: T | undefined) => T | undefined): Promise<void> {
    await this.update<T, undefined>(key, (current) => ({ answer: undefined, value: change(current) }));
  }

  async write(key: string, value: object): Promise<void> {
    await this.replace(key, () => value);
  }

  async delete(key: string): Promise<void> {
    await this.replace(key, () => undefined);
  }

  /** All documents whose keys begin with `prefix`, after the key `after`. */
  async *scan<T>(prefix: string, after = prefix): AsyncGenerator<readonly [key: string, value: T]> {
    for (let last = after; ;) {
      const page = await this.keyValue.list(prefix, last, PAGE);
      for (const [key, text] of page) yield [key, JSON.parse(text) as T];
      if (page.length < PAGE) return;
      last = page.at(-1)?.[0] ?? last;
    }
  }
}
