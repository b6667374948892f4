import type { EventSourceMessage } from 'eventsource-parser';
import { openConnection, type ConnectionOptions, type ConnectionState, type Endpoint } from './connection.js';
import { StreamError } from './error.js';
import { fresh, type Fresh } from './fresh.js';
import { callSafely } from './safely.js';
import { openItem, type TaskStorage } from './storage.js';

export interface HubConnectionOptions extends ConnectionOptions {
  /**
   * Remembers who this client is and what it has had, so that a page that was reloaded gets what came meanwhile:
   * `sessionStorage` or anything like it. Two connections that share an item are one client, of which the hub serves one
   * at a time. Default: none.
   */
  storage?: TaskStorage | undefined;
  /** The name of the item in the storage. Default: `hub:` and the URL (where that is a function: nothing more). */
  storageKey?: string | undefined;
}

/** Gets the data of an event, and its id; empty where it has none. */
export type HubListener<T = unknown> = (data: T, id: string) => void;

/** A client of a hub, over as many connections as it takes. */
export interface HubConnection {
  /** A secret: whoever has it may come back as this client. Known from the first answer on. */
  readonly clientId: string | undefined;
  readonly state: ConnectionState;
  /**
   * Resolves after `close()`. Rejects with a StreamError where the hub refuses the client or `maxRetries` is reached, with the
   * reason of `signal` where that aborted. Nobody needs to look at it.
   */
  readonly closed: Promise<void>;
  /**
   * Calls `listener` with every event of that name, until the function that it returns is called. Events without a name
   * are `message`; `connected` and `gap` are events like others. Begin in the turn of `connectHub` to miss none.
   */
  on<T = unknown>(event: string, listener: HubListener<T>): () => void;
  /** Ends the connection. What is sent from now on waits in the hub, as long as that keeps clients that are away. */
  close(): void;
}

/**
 * Connects to a hub and stays connected: comes back as the same client, after the last event that it has had. Nothing is
 * asked and nobody is called back before this has returned.
 */
export function connectHub(url: Fresh<string | URL>, options: HubConnectionOptions = {}): HubConnection {
  const { storage, storageKey = `hub:${typeof url === 'function' ? '' : url}` } = options;
  // In a storage it is `<client id> <last event id>`.
  const [text, keep] = openItem(storage, storageKey);
  const [storedId = '', storedEventId = ''] = text.split(' ');
  // Its own from the start: with one from the hub, a first answer that is lost would cost what came with it.
  let ownId = storedId || newClientId();
  let lastEventId = storedEventId;
  let clientId: string | undefined;
  const listeners = new Map<string, Set<HubListener<never>>>();
  let resolve!: () => void;
  let reject!: (error: Error) => void;
  const closed = new Promise<void>((...settle) => ([resolve, reject] = settle));
  closed.catch(() => undefined); // who does not look at it need not: it must not end a process

  const remember = (): void => keep(`${ownId} ${lastEventId}`);

  const prepare: Endpoint['prepare'] = async (headers) => {
    headers.set('X-Client-ID', ownId);
    if (lastEventId) headers.set('Last-Event-ID', lastEventId);
    remember();
    return [await fresh(url)];
  };

  const answered = ({ headers }: Response): boolean => {
    // It is another one where the application names its clients, or somebody else has that id.
    clientId = ownId = headers.get('X-Client-ID') ?? ownId;
    remember();
    return false;
  };

  const receive = ({ event = 'message', data, id }: EventSourceMessage): void => {
    const value = JSON.parse(data) as never;
    for (const listener of [...(listeners.get(event) ?? [])]) void callSafely(listener, value, id ?? '');
    lastEventId = id ?? lastEventId;
    remember();
  };

  const ended = (error: Error | undefined): void => {
    // Who comes with what the hub cannot read must not come with it for ever.
    if (error instanceof StreamError && error.status === 400) keep('');
    if (error) reject(error);
    else resolve();
  };

  const connection = openConnection({ prepare, answered, receive, ended }, options);

  return {
    closed,
    get clientId() {
      return clientId;
    },
    get state() {
      return connection.state();
    },
    on(event, listener) {
      const all = listeners.get(event) ?? new Set();
      // Its own function each time, so that a listener that was added twice is called twice, and taken away once.
      const own: HubListener<never> = (data, id) => listener(data, id);
      listeners.set(event, all.add(own));
      return () => void all.delete(own);
    },
    close: () => connection.end(),
  };
}

/** 128 random bits in the hub's alphabet. */
const newClientId = (): string =>
  [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
