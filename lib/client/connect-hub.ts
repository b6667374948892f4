/** Stays connected to a hub as one client of it. */
import type { ParsedEvent } from '../sse/event-parser.js';
import { callListener } from './call-listener.js';
import { StreamError } from './connection/answers.js';
import { openConnection } from './connection/connection.js';
import type { ConnectionOptions, ConnectionState } from './connection/options.js';
import { randomKey, resolveUrl } from './connection/browser-globals.js';
import { openItem, textOf, type TaskStorage } from './storage.js';
import { resolveValue, type ValueOrGetter } from './value-or-getter.js';

/** Options of `connectHub`. */
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
  /** `'connecting'` at first; `'closed'` for good. */
  readonly state: ConnectionState;
  /**
   * Resolves after `close()`. Rejects with a StreamError where the hub refuses the client or `maxRetries` is reached, with
   * the reason of `signal` where that aborted. It is never an unhandled rejection.
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
export function connectHub(url: ValueOrGetter<string | URL>, options: HubConnectionOptions = {}): HubConnection {
  const { storage, storageKey = `hub:${typeof url === 'function' ? '' : textOf(url)}` } = options;
  // In a storage it is `<client id> <last event id>`.
  const { text, keep } = openItem(storage, storageKey);
  const [storedId = '', storedEventId = ''] = text.split(' ').map(sendable);
  // The client names itself from the start: if the hub named it, losing the first answer would lose its messages too.
  let ownId = storedId || randomKey();
  let lastEventId = storedEventId;
  let clientId: string | undefined;
  const listeners = new Map<string, Set<HubListener<never>>>();
  let resolve!: () => void;
  let reject!: (error: Error) => void;
  const closed = new Promise<void>((...settle) => ([resolve, reject] = settle));
  closed.catch(() => undefined); // a caller that does not look at it must not be ended by it

  const remember = (): void => {
    if (ownId) keep(`${ownId} ${lastEventId}`);
  };

  const receive = ({ event = 'message', data, id }: ParsedEvent): void => {
    const value = JSON.parse(data) as never;
    for (const listener of [...(listeners.get(event) ?? [])]) callListener(() => listener(value, id ?? ''));
    lastEventId = sendable(id) ?? lastEventId;
    remember();
    if (event !== 'connected') connection.gotNews(); // which comes with every answer
  };

  const connection = openConnection(
    {
      async prepare(headers) {
        if (ownId) headers.set('X-Client-ID', ownId);
        if (lastEventId) headers.set('Last-Event-ID', lastEventId);
        remember();
        return { url: resolveUrl(await resolveValue(url)).href };
      },
      opened({ headers }) {
        // It is another one where the application names its clients, or somebody else has that id.
        clientId = ownId = headers.get('X-Client-ID') ?? ownId;
        remember();
      },
      receive,
      ended(error) {
        // A client whose id or position the hub cannot read must not come with it for ever.
        if (error instanceof StreamError && error.status === 400) keep('');
        if (error) reject(error);
        else resolve();
      },
    },
    options,
  );

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
      // Wrap it each time, so that a listener that was added twice is called twice, and removed once.
      const own: HubListener<never> = (data, id) => listener(data, id);
      listeners.set(event, all.add(own));
      return () => void all.delete(own);
    },
    close: () => connection.end(),
  };
}

/** Returns what a header can carry; undefined for anything else, with which no request could be made any more. */
const sendable = (text: string | undefined): string | undefined => (/^[!-~]*$/.test(`${text}`) ? text : undefined);
