import { createCutProxy, type CutKind, type CutPlan, type CutProxy } from '../../../lib/testing/cut-proxy.js';
import type { Random } from '../random/random.js';

export type { CutKind, CutProxy, CutPlan as Plan } from '../../../lib/testing/cut-proxy.js';

export const startCutProxy = (options: { upstreamPort: number; plan?: CutPlan }): Promise<CutProxy> =>
  createCutProxy({ port: options.upstreamPort }, options.plan);

/**
 * Cuts that depend on the seed and the connection's number alone. `maxBytes` must hold the headers and an event or two, or no
 * connection gets anywhere.
 */
export function randomCuts(
  random: Random,
  options: {
    maxBytes: number;
    minBytes?: number;
    kinds?: readonly CutKind[];
    chunkSizes?: readonly (number | undefined)[];
  },
): CutPlan {
  const { maxBytes, minBytes = 0, kinds = ['rst', 'fin'], chunkSizes = [undefined] } = options;
  return (connection) => {
    const draw = random.fork(connection);
    const chunkBytes = draw.pick(chunkSizes);
    return {
      after: draw.int(minBytes, maxBytes),
      kind: draw.pick(kinds),
      ...(chunkBytes === undefined ? {} : { chunkBytes }),
    };
  };
}
