import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Collects what nobody holds any more, and has it counted: memory outside the heap is given back in a later turn. */
export async function collectGarbage(): Promise<void> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  for (let round = 0; round < 3; round++) {
    await new Promise((resolve) => setImmediate(resolve)); // a WeakRef keeps its target for the rest of the turn
    collect();
  }
}

/** Resolves to whether what `make` returns can be collected, once nobody but what `make` built around it holds it. */
export async function isCollected(make: () => object | Promise<object>): Promise<boolean> {
  const held = new WeakRef(await make());
  for (let round = 0; round < 2 && held.deref() !== undefined; round++) await collectGarbage();
  return held.deref() === undefined;
}
