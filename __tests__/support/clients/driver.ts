import type { ReceivedEvent } from '../sse/received-events.js';

/**
 * The client libraries that users have, behind one interface. Each reconnects by itself with `Last-Event-ID`. All of them load in
 * Jest's CJS mode by a plain import (`eventsource`, `eventsource-client` and `eventsource-parser` ship both formats, undici and
 * `@microsoft/fetch-event-source` are CJS), so they run in the test's own process.
 *
 * | client | stops on 204 | stops on another status | delay before the first `retry:` |
 * |---|---|---|---|
 * | eventsource 4 | yes | yes | 3,000 ms, no option |
 * | eventsource-client 1 | yes | no: takes the body for a stream and reconnects | 2,000 ms, no option |
 * | undici 7 EventSource | yes | yes | 3,000 ms, an option |
 * | fetch-event-source 2 | no: retries | no: retries | 1,000 ms, by `onerror` |
 * | raw | yes | yes | none |
 *
 * Where the library does not stop, its driver stops it.
 */
export interface ClientDriver {
  readonly name: string;
  open(url: string, options?: ClientOptions): ClientRun;
}

export interface ClientOptions {
  /** Named events to listen for besides those of the library itself; an EventSource drops names that nobody asked for. */
  eventNames?: readonly string[];
  /** Called at once for each event, after it is in `events`. */
  onEvent?: (event: ReceivedEvent) => void;
}

export interface ClientRun {
  /** Everything that was dispatched, over all connections. */
  readonly events: readonly ReceivedEvent[];
  /** `no-content`: the server said 204. `refused`: another status or an answer that is no event stream. `closed`: by `close()`. */
  readonly ended: Promise<Ending>;
  /** Requests made so far. */
  readonly connections: number;
  close(): void;
}

export type Ending = 'no-content' | 'refused' | 'closed';

const LIBRARY_EVENTS = ['message', 'task', 'snapshot', 'gap', 'complete', 'failed', 'cancelled'] as const;

/** What every driver keeps; the first ending wins. */
export class Recording implements ClientRun {
  readonly events: ReceivedEvent[] = [];
  readonly ended: Promise<Ending>;
  readonly eventNames: readonly string[];
  connections = 0;
  isOver = false;
  readonly #onEvent: (event: ReceivedEvent) => void;
  #resolve!: (ending: Ending) => void;
  #stop: () => void = () => undefined;

  constructor(options: ClientOptions = {}) {
    this.eventNames = [...LIBRARY_EVENTS, ...(options.eventNames ?? [])];
    this.#onEvent = options.onEvent ?? (() => undefined);
    this.ended = new Promise((resolve) => (this.#resolve = resolve));
  }

  receive(event: ReceivedEvent): void {
    this.events.push(event);
    this.#onEvent(event);
  }

  /** How to stop the client behind this recording; called once, whatever the ending. */
  stopWith(stop: () => void): this {
    this.#stop = stop;
    return this;
  }

  end(ending: Ending): void {
    if (this.isOver) return;
    this.isOver = true;
    this.#stop();
    this.#resolve(ending);
  }

  close(): void {
    this.end('closed');
  }
}

/**
 * `fetch` that counts, and whose first answer is an event stream of nothing but `retry: 1`. Two of the libraries wait for seconds
 * before they reconnect, by a default without an option, when a cut comes before the server's own `retry:`. After this answer
 * they wait 1 ms, and nothing else about them is changed.
 */
export function primedFetch(recording: Recording): typeof fetch {
  let primed = false;
  return async (input, init) => {
    if (!primed) {
      primed = true;
      return new Response('retry: 1\n\n', { headers: { 'Content-Type': 'text/event-stream' } });
    }
    recording.connections++;
    return fetch(input, init);
  };
}
