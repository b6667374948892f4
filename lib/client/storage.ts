/** `sessionStorage`, `localStorage`, or anything like them. */
export interface TaskStorage {
  getItem(name: string): string | null;
  setItem(name: string, value: string): void;
  removeItem(name: string): void;
}

/**
 * One item of a storage: its text now, and how to keep another; an empty one removes the item.
 */
export function openItem(storage: TaskStorage | undefined, name: string): [text: string, keep: (text: string) => void] {
  let kept = attempt(() => storage?.getItem(name)) ?? '';
  return [
    kept,
    (text) => {
      if (text !== kept) attempt(() => (text ? storage?.setItem(name, text) : storage?.removeItem(name)));
      kept = text;
    },
  ];
}

/** A storage that is full or forbidden costs what was to be remembered, not the stream. */
function attempt<T>(use: () => T): T | undefined {
  try {
    return use();
  } catch {
    return undefined;
  }
}
