/** Finds out why a value cannot be written as JSON, or not as what it stands for. */
import { types } from 'node:util';
import { messageOf } from './thrown.js';

/** The number of values that are looked at, which is enough for a message. */
const MAX_VISITED = 10_000;
const MAX_PATH = 200;

/** Returns the reason and the place, such as "a BigInt at rows[3].id". Never throws. */
export function reasonOf(data: unknown, error: unknown): string {
  const above = new Set<unknown>();
  const judge = (value: unknown): string | undefined => {
    if (typeof value === 'bigint') return 'a BigInt';
    return above.has(value) ? 'a circular reference' : undefined;
  };
  return find(data, judge, above) ?? messageOf(error);
}

/**
 * Returns the place of a promise in `data`, which JSON.stringify has accepted, such as "a promise at rows". Its
 * rejection is nobody's from then on, except that of an async `toJSON`, whose promise JSON.stringify has let go of.
 * Never throws.
 */
export const promiseIn = (data: unknown): string | undefined =>
  find(data, (value) => {
    if (types.isAsyncFunction((value as { toJSON?: unknown } | null)?.toJSON)) return 'the promise of an async toJSON';
    if (!types.isPromise(value)) return undefined;
    value.catch(() => undefined);
    return 'a promise';
  });

/**
 * Returns what `judge` finds wrong with a value in `data`, and its place. Never throws.
 * @param above the objects around the value that is being judged
 */
function find(
  data: unknown,
  judge: (value: unknown) => string | undefined,
  above = new Set<unknown>(),
): string | undefined {
  let visited = 0;

  function visit(value: unknown, path: string): string | undefined {
    const wrong = judge(value);
    if (wrong !== undefined) return wrong + at(path);
    if (typeof value !== 'object' || value === null || ++visited > MAX_VISITED) return undefined;
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
    return visit(data, '');
  } catch {
    return undefined; // a getter threw, or the value is nested too deeply to be looked at
  }
}

const at = (path: string): string => (path === '' ? '' : ` at ${path.replace(/^\./, '').slice(0, MAX_PATH)}`);
