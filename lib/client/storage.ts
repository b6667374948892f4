/** Remembers one thing in a storage that others write to as well: other tabs, other tasks at the same URL. */

/** `sessionStorage`, `localStorage`, or anything like them. */
export interface TaskStorage {
  /** Returns the text stored under `name`, or null. */
  getItem(name: string): string | null;
  /** Stores a text. May throw: a storage that is full or forbidden costs the memory, not the stream. */
  setItem(name: string, value: string): void;
  /** Forgets the text stored under `name`. */
  removeItem(name: string): void;
}

/** Reads and replaces one item of a storage. */
export interface StoredItem {
  /** The text of the item when it was opened; empty if there was none. */
  readonly text: string;
  /**
   * Replaces its text; an empty one removes it. Does nothing once somebody else has put another task there: a page that
   * ends an old task must not erase a new one.
   */
  readonly keep: (text: string) => void;
}

/** Opens the item `name`. Texts begin with what they are about: a key, up to a dot or a space. */
export function openItem(storage: TaskStorage | undefined, name: string): StoredItem {
  const read = (): string => {
    const found: unknown = attempt(() => storage?.getItem(name));
    return typeof found === 'string' ? found : ''; // a storage that answers with a promise remembers nothing
  };
  const text = read();
  let kept = text;
  return {
    text,
    keep(next) {
      if (next === kept) return;
      const now = read();
      const isOurs = [kept, next].some((own) => subjectOf(own) === subjectOf(now));
      kept = next;
      if (isOurs) attempt(() => (next ? storage?.setItem(name, next) : storage?.removeItem(name)));
    },
  };
}

const subjectOf = (text: string): string | undefined => text.split(/[. ]/)[0];

/** Returns what was thrown as a text. Anything can be thrown, and not all of it has one. */
export const textOf = (thrown: unknown): string => attempt(() => String(thrown)) ?? 'thrown';

/** A storage that is full or forbidden costs what was to be remembered, not the stream; so does one that rejects. */
export function attempt<T>(use: () => T): T | undefined {
  try {
    const value = use();
    (value as Partial<Promise<unknown>> | null | undefined)?.catch?.(() => undefined);
    return value;
  } catch {
    return undefined;
  }
}
