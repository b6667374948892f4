import { createEventSource } from 'eventsource-client';
import { primedFetch, Recording, type ClientDriver } from './driver.js';

/**
 * `eventsource-client`, version 1. It stops on 204, but takes the body of any other status for an event stream and reconnects for
 * ever; so the status is looked at here.
 */
export const eventsourceClient: ClientDriver = {
  name: 'eventsource-client',
  open(url, options) {
    const recording = new Recording(options);
    const primed = primedFetch(recording);
    const client = createEventSource({
      url,
      fetch: async (input, init) => {
        const response = await primed(input, init);
        if (response.status === 204) queueMicrotask(() => recording.end('no-content'));
        else if (response.status !== 200) recording.end('refused');
        return response;
      },
      onMessage: ({ event = 'message', data, id = '' }) => recording.receive({ event, data, id }),
    });
    return recording.stopWith(() => client.close());
  },
};
