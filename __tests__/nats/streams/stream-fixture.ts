/** A requester and a responder on one subject, on behalf of one client that is online. */
import { ANN, useParties, type Gateway, type Worker } from '../../support/nats/stream-parties.js';

export function useStream() {
  const here = useParties('jobs');

  beforeEach(() => {
    here.gateway.presence.markClientOnline(ANN);
  });
  afterEach(() => {
    here.gateway.presence.markClientOffline(ANN);
  });

  const subscribe = async (
    ...[handler, options]: Parameters<Worker['responder']['subscribe']> extends [string, ...infer R] ? R : never
  ) => {
    const subscription = here.worker.responder.subscribe(here.subject, handler, options);
    await here.worker.connection.flush();
    return subscription;
  };
  const request = (
    ...[options, data = 'go']: [Parameters<Gateway['requester']['streamRequestWithClient']>[3]?, string?]
  ) => here.gateway.requester.streamRequestWithClient(here.subject, data, ANN, options);

  return { here, subscribe, request };
}
