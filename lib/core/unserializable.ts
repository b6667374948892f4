/** Finds out why a value cannot be written as JSON, once JSON.stringify has refused it. */
import { messageOf } from './thrown.js';

/** The number of values that are looked at, which is enough for a message. */
const MAX_VISITED = 10_000;
const MAX_PATH = 200;

/** Returns the reason and the place, such as "a BigInt at rows[3].id". Never throws. */
export function reasonOf(data: unknown, error: unknown): string {
  let visited = 0;
  const above = new Set<unknown>();

  function visit(value: unknown, path: string): string | undefined {
    if (typeof value === 'bigint') return `a BigInt${at(path)}`;
    if (typeof value !== 'object' || value === null || ++visited > MAX_VISITED) return undefined;
    if (above.has(value)) return `a circular reference${at(path)}`;
    if (typeof (value as { toJSON?: unknown }).toJSON === 'function') return undefined; // it decides by itself what it becomes
    above.add(value);
    for (const [key, child] of Object.entries(value)) {
      const found = visit(child, Array.isArray(value) ? `${path}[${key}]` : `${path}.${key}`);
      if (found !== undefined) return found;
    }
    above.delete(value);
    return undefined;
  }

  try {
    return visit(data, '') ?? messageOf(error);
  } catch {
    return messageOf(error); // a getter threw, or the value is nested too deeply to be looked at
  }
}

const at = (path: string): string => (path === '' ? '' : ` at ${path.replace(/^\./, '').slice(0, MAX_PATH)}`);
