import { fetchEventSource as open } from '@microsoft/fetch-event-source';
import { Recording, type ClientDriver } from './driver.js';

/**
 * `@microsoft/fetch-event-source`, version 2. It is for browsers, and odd in these ways:
 * - It uses `window` for timers and `document` for visibility, even with `openWhenHidden`: see `withBrowserGlobals`.
 * - It takes a clean end of the stream for the end of everything; throwing from `onclose` makes it reconnect.
 * - It retries whatever `onopen` does not stop, 204 and 404 included.
 * - It dispatches an empty message for a block without fields of an event (a comment, a lone `retry`). The standard does not, and
 *   the driver drops exactly those: data, event and id all empty. Our own events always have data and an id.
 * - It remembers an id as soon as its line is complete, not when the event is dispatched. A cut after the id's line and
 *   before the empty line, with the id last that is one byte, loses the event.
 */
export const fetchEventSource: ClientDriver = {
  name: 'fetch-event-source',
  open: (url, options) => run(url, new Recording(options), (init) => init),
};

/**
 * The same with what users can do about that byte: `Last-Event-ID` is set from the last event that was dispatched.
 */
export const fetchEventSourceById: ClientDriver = {
  name: 'fetch-event-source, id of the last event dispatched',
  open(url, options) {
    const recording = new Recording(options);
    return run(url, recording, (init) => {
      const headers = new Headers(init?.headers);
      const id = recording.events.at(-1)?.id;
      if (id === undefined) headers.delete('last-event-id');
      else headers.set('last-event-id', id);
      return { ...init, headers };
    });
  },
};

function run(url: string, recording: Recording, prepare: (init?: RequestInit) => RequestInit | undefined): Recording {
  const controller = new AbortController();
  recording.stopWith(() => controller.abort());
  const restore = withBrowserGlobals();
  void open(url, {
    signal: controller.signal,
    openWhenHidden: true,
    fetch: (input, init) => {
      recording.connections++;
      return fetch(input, prepare(init));
    },
    onopen: async (response) => {
      if (response.status === 204) recording.end('no-content');
      else if (response.status !== 200) recording.end('refused');
    },
    onmessage: ({ event, data, id }) => {
      if (data === '' && event === '' && id === '') return;
      recording.receive({ event: event === '' ? 'message' : event, data, id });
    },
    onclose: () => {
      throw new Error('the stream ended: reconnect');
    },
    onerror: () => 1,
  }).finally(restore);
  return recording;
}

interface BrowserGlobals {
  window?: unknown;
  document?: unknown;
}

let users = 0;

/** Puts the few browser names that the library touches in place, until the last run is over. */
function withBrowserGlobals(): () => void {
  const globals = globalThis as BrowserGlobals;
  if (users++ === 0) {
    globals.window = { setTimeout, clearTimeout };
    globals.document = { hidden: false, addEventListener: () => undefined, removeEventListener: () => undefined };
  }
  return () => {
    if (--users > 0) return;
    delete globals.window;
    delete globals.document;
  };
}
