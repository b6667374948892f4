/** A client for tests: it reads one task to its end, over as many connections as it is allowed. */
import { A_SIGNAL, A_STRING, checkOptions, wholeNumber, type OptionRules } from '../core/check-options.js';
import { TaskError } from '../core/errors.js';
import { createEventParser, type ParsedEvent } from '../sse/event-parser.js';

/** One event as it came over the wire. */
export interface CollectedEvent {
  /** `message` for progress, as in the EventSource standard; else its name. */
  readonly event: string;
  /** Its data, parsed as JSON; as text where it is none. */
  readonly data: unknown;
  /** Its id; empty where it has none. */
  readonly id: string;
  /** Its number in the task's log. */
  readonly seq: number;
}

/** The events that were read, and how. */
export interface CollectedStream {
  /** The status of the first answer. */
  readonly status: number;
  /** The headers of the first answer. */
  readonly headers: Headers;
  /** All events of the log, the terminal one included, and gaps. `task` events, one per connection, are not among them. */
  readonly events: readonly CollectedEvent[];
  /** The terminal event; undefined where the last connection ended without one. */
  readonly end: CollectedEvent | undefined;
  /** The number of connections that it took. */
  readonly connections: number;
}

/** Options of `collect`. */
export interface CollectOptions {
  /** The method of the first request. Default: GET. */
  readonly method?: string;
  /** Headers of every request. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The body of the first request. */
  readonly body?: string;
  /** Ends reading; what came until then is returned. */
  readonly signal?: AbortSignal;
  /** After a cut it comes back with `Last-Event-ID`, by GET, until there have been so many connections. Default 1. */
  readonly maxConnections?: number;
}

const RULES: OptionRules<CollectOptions> = {
  method: A_STRING,
  headers: { text: 'an object', accepts: (value) => typeof value === 'object' && value !== null },
  body: A_STRING,
  signal: A_SIGNAL,
  maxConnections: wholeNumber([1, 1, Infinity]),
};

/** `<resumeKey>.<seq>`, and the epoch where another instance has taken the task over. */
const EVENT_ID = /^[^.]*\.(\d+)(?:\.\d+)?$/;

const TERMINAL: readonly string[] = ['complete', 'failed', 'cancelled'];

/**
 * Reads the stream at `url` until its terminal event, or until the last connection that is allowed has ended.
 * @throws TaskError `INVALID_OPTION` for an option, and where the first answer is no stream; what `fetch` throws where nothing answers
 */
export async function collect(url: string, options: CollectOptions = {}): Promise<CollectedStream> {
  const { maxConnections = 1, signal, headers, ...start } = checkOptions('collect', options, RULES);
  const events: CollectedEvent[] = [];
  let position: string | undefined;
  let first: Response | undefined;
  let connections = 0;
  const isOver = (): boolean => signal?.aborted === true || TERMINAL.includes(events.at(-1)?.event ?? '');
  while (connections < maxConnections && !isOver()) {
    connections++;
    const back =
      position === undefined ? { ...start, headers } : { headers: { ...headers, 'Last-Event-ID': position } };
    const response = await fetch(url, {
      ...back,
      headers: { Accept: 'text/event-stream', ...back.headers },
      ...(signal && { signal }),
    });
    first ??= response;
    if (response.status === 204) break;
    const type = response.headers.get('content-type') ?? '';
    if (!type.startsWith('text/event-stream'))
      throw new TaskError(
        'INVALID_OPTION',
        `Expected ${url} to answer text/event-stream, got ${response.status} ${type}`,
      );
    await readEvents(response, (message) => {
      position = message.id ?? position;
      if (message.event !== 'task') events.push(eventOf(message));
    });
  }
  const last = events.at(-1);
  return {
    status: first?.status ?? 0,
    headers: first?.headers ?? new Headers(),
    events,
    end: last !== undefined && TERMINAL.includes(last.event) ? last : undefined,
    connections,
  };
}

/** Reads until the connection ends, in whatever way. */
async function readEvents(response: Response, onEvent: (message: ParsedEvent) => void): Promise<void> {
  const parse = createEventParser(onEvent, () => undefined);
  const decoder = new TextDecoder();
  try {
    for await (const chunk of response.body ?? []) parse(decoder.decode(chunk as Uint8Array, { stream: true }));
  } catch {
    // A cut is what it is for.
  }
}

function eventOf({ event = 'message', data, id = '' }: ParsedEvent): CollectedEvent {
  return { event, data: parsed(data), id, seq: Number(EVENT_ID.exec(id)?.[1]) };
}

function parsed(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch {
    return data;
  }
}
