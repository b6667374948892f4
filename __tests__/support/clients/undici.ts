import { Agent, EventSource } from 'undici';
import { Recording, type ClientDriver } from './driver.js';

/** The EventSource of undici 7, which Node itself has behind `--experimental-eventsource`. */
export const undici: ClientDriver = {
  name: 'undici',
  open(url, options) {
    const recording = new Recording(options);
    // An agent of its own, so that no kept-alive socket outlives the run.
    const agent = new Agent();
    let status = 0;
    const watched = agent.compose((dispatch) => (request, handler) => {
      recording.connections++;
      return dispatch(request, {
        onRequestStart: (...args) => handler.onRequestStart?.(...args),
        // The EventSource keeps the status to itself: from outside a 204 and a 404 look alike.
        onResponseStart: (controller, code, ...rest) => {
          status = code;
          handler.onResponseStart?.(controller, code, ...rest);
        },
        onResponseData: (...args) => handler.onResponseData?.(...args),
        onResponseEnd: (...args) => handler.onResponseEnd?.(...args),
        onResponseError: (...args) => handler.onResponseError?.(...args),
      });
    });
    const source = new EventSource(url, { node: { dispatcher: watched, reconnectionTime: 1 } });
    recording.stopWith(() => {
      source.close();
      void agent.destroy();
    });
    for (const name of recording.eventNames) {
      source.addEventListener(name, (event) => {
        const { type, data, lastEventId } = event as MessageEvent;
        recording.receive({ event: type, data: String(data), id: lastEventId });
      });
    }
    source.addEventListener('error', () => {
      if (source.readyState !== source.CLOSED) return; // it reconnects
      recording.end(status === 204 ? 'no-content' : 'refused');
    });
    return recording;
  },
};
