import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Resolves to whether what `make` returns can be collected, once nobody but what `make` built around it holds it. */
export async function isCollected(make: () => object | Promise<object>): Promise<boolean> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const held = new WeakRef(await make());
  for (let round = 0; round < 5 && held.deref() !== undefined; round++) {
    await new Promise((resolve) => setImmediate(resolve)); // a WeakRef keeps its target for the rest of the turn
    collect();
  }
  return held.deref() === undefined;
}
