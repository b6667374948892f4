import type { IncomingMessage, ServerResponse } from 'node:http';
import { startCutProxy, type CutProxy, type Plan } from './cut-proxy.js';
import { listen, type Listening } from './raw-http.js';

export interface CutServers {
  readonly serve: (handler: (req: IncomingMessage, res: ServerResponse) => void) => Promise<Listening>;
  /** Starts a proxy in front of a server that cuts connections as the plan says; without a plan it cuts none. */
  readonly cutting: (upstreamPort: number, plan?: Plan) => Promise<CutProxy>;
}

/** Servers and proxies that are closed after the test that has started them. */
export function useCutServers(): CutServers {
  const open: { close(): unknown }[] = [];
  afterEach(async () => {
    for (const thing of open.splice(0).reverse()) await thing.close();
  });
  const opened = <T extends { close(): unknown }>(thing: T): T => {
    open.push(thing);
    return thing;
  };
  return {
    serve: async (handler) => opened(await listen(handler)),
    cutting: async (upstreamPort, plan) =>
      opened(await startCutProxy({ upstreamPort, ...(plan === undefined ? {} : { plan }) })),
  };
}
