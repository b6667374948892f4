import { EventSource } from 'eventsource';
import { primedFetch, Recording, type ClientDriver } from './driver.js';

/** The npm package `eventsource`, version 4: what most Node programs use. */
export const eventsource: ClientDriver = {
  name: 'eventsource',
  open(url, options) {
    const recording = new Recording(options);
    const source = new EventSource(url, { fetch: primedFetch(recording) });
    recording.stopWith(() => source.close());
    for (const name of recording.eventNames) {
      source.addEventListener(name, (message: MessageEvent) => {
        recording.receive({ event: message.type, data: String(message.data), id: message.lastEventId });
      });
    }
    source.addEventListener('error', (error) => {
      if (source.readyState !== source.CLOSED) return; // it reconnects
      recording.end(error.code === 204 ? 'no-content' : 'refused');
    });
    return recording;
  },
};
