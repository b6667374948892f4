/** Sends streaming requests to workers. */
import type { NatsConnection } from '@nats-io/transport-node';
import { systemClock, type Clock } from '../../core/clock.js';
import { TaskError } from '../../core/errors.js';
import { assertOption, checkOptions } from '../../core/check-options.js';
import { unlessClosed } from '../connection.js';
import { copyHeaders, encodeControl, encodeTerms, sizeOf, type RequestTerms } from './messages/stream-protocol.js';
import { INBOX_PREFIX, numberOption } from '../nats-options.js';
import { asPresenceNode, createPresence, type Presence, type PresenceNode } from '../presence/presence.js';
import { IncomingStream, CHECKS_PER_BEAT, type ResponseStream, type ResponseWire } from './incoming-stream.js';
import {
  REQUEST_RULES,
  REQUESTER_RULES,
  type StreamRequesterOptions,
  type StreamRequestOptions,
} from './requester-options.js';
import { StreamInbox } from './stream-inbox.js';
import { checkClientId, checkSubject } from '../subject.js';
import { randomKey } from '../../core/task/random-key.js';
import { WindowBudget } from './window-budget.js';
import { MAX_SILENT_BEATS } from './outgoing-stream.js';

/** Asks workers for streams on behalf of clients. `createStreamRequester` makes one. */
export interface StreamRequester {
  /** The presence that was given, or the requester's own. */
  readonly presence: Presence;
  /**
   * Sends a request on behalf of `clientId` at once, and returns the messages of the worker that answers. The worker is
   * stopped when the client goes offline, the signal aborts, the loop is left or `onMessage` returns false.
   * @throws TaskError `INVALID_CLIENT_ID`, `INVALID_OPTION`, `EVENT_TOO_LARGE` over what the server takes
   */
  streamRequestWithClient(
    subject: string,
    data: Uint8Array | string,
    clientId: string,
    options?: StreamRequestOptions,
  ): ResponseStream;
  /** Returns the counts of this requester. */
  getStatistics(): RequesterStatistics;
}

/** Counts of one requester. */
export interface RequesterStatistics {
  /** The number of streams that are open now. */
  readonly open: number;
  /** The number of frames that were malformed, came twice, or came from another sender than the stream's worker. */
  readonly dropped: number;
}

/**
 * Makes a requester, which gateways use to ask workers for streams.
 * @throws TaskError `INVALID_OPTION`
 * @example
 * const requester = createStreamRequester({ connection, presence });
 * for await (const message of requester.streamRequestWithClient('summaries', text, clientId)) res.write(message.string());
 */
export function createStreamRequester(given: StreamRequesterOptions): StreamRequester {
  const options = checkOptions('createStreamRequester', given, REQUESTER_RULES);
  const { connection, clock = systemClock, inboxPrefix = INBOX_PREFIX } = options;
  const { presence: shared = createPresence({ connection, clock, inboxPrefix }) } = options;
  const presence = asPresenceNode(shared);
  const terms = {
    beatMs: numberOption('beatMs', options.beatMs),
    windowMessages: numberOption('windowMessages', options.windowMessages),
  };
  const windowBytes = numberOption('windowBytes', options.windowBytes);
  const budget = new WindowBudget(numberOption('maxBufferedBytes', options.maxBufferedBytes), windowBytes);
  const clients = options.presence === undefined ? new OpenClients(presence) : undefined;
  return new NatsRequester({ connection, presence, clock, inboxPrefix, terms, budget, clients });
}

interface RequesterWire {
  readonly connection: NatsConnection;
  readonly presence: PresenceNode;
  readonly clock: Clock;
  readonly inboxPrefix: string;
  readonly terms: Omit<RequestTerms, 'clientId' | 'origin' | 'windowBytes'>;
  readonly budget: WindowBudget;
  /** Marks clients online where nobody else does. */
  readonly clients: OpenClients | undefined;
}

class NatsRequester implements StreamRequester {
  #open = 0;
  #dropped = 0;

  constructor(readonly wire: RequesterWire) {}

  get presence(): Presence {
    return this.wire.presence;
  }

  getStatistics(): RequesterStatistics {
    return { open: this.#open, dropped: this.#dropped };
  }

  streamRequestWithClient(
    subject: string,
    data: Uint8Array | string,
    clientId: string,
    given: StreamRequestOptions = {},
  ): ResponseStream {
    const { connection, presence, clients, budget } = this.wire;
    checkSubject('subject', subject);
    checkClientId(clientId);
    assertOption(typeof data === 'string' || data instanceof Uint8Array, 'data', 'text or bytes', data);
    const options = checkOptions('streamRequestWithClient', given, REQUEST_RULES);
    const idleTimeoutMs = numberOption('idleTimeoutMs', options.idleTimeoutMs);
    const own = copyHeaders(options.headers);
    // Nothing that is wrong with the arguments throws from here on, so whatever is taken now is given back.
    clients?.enter(clientId);
    const windowBytes = budget.take();
    const terms = { ...this.wire.terms, windowBytes, clientId, origin: presence.origin };
    const headers = encodeTerms(terms, own);
    const payload = Buffer.from(data as Uint8Array);
    const size = payload.length + sizeOf(headers);
    const maxPayload = connection.info?.max_payload ?? Infinity; // without a server nothing is sent anyway
    if (size > maxPayload) {
      this.#release(terms);
      throw new TaskError('EVENT_TOO_LARGE', `The request has ${size} bytes, the server takes ${maxPayload}`);
    }
    return this.#start({ terms, idleTimeoutMs, subject }, options, (inbox) => {
      connection.publish(subject, payload, { headers, reply: inbox });
    });
  }

  #start(
    request: Pick<ResponseWire, 'terms' | 'idleTimeoutMs' | 'subject'>,
    { signal, onMessage, watchers = () => 1 }: StreamRequestOptions,
    send: (inbox: string) => void,
  ): ResponseStream {
    const { connection, presence, clock, inboxPrefix } = this.wire;
    const { clientId, beatMs } = request.terms;
    const ends: (() => void)[] = [() => this.#open--, () => this.#release(request.terms)];
    let inbox: StreamInbox | undefined;
    const stream = new IncomingStream({
      ...request,
      onMessage,
      watchers,
      now: () => clock.now(),
      control: (to, control) => unlessClosed(() => connection.publish(to, encodeControl(control))),
      drop: () => {
        this.#dropped++;
      },
      over: (pending) => {
        if (pending) inbox?.closeAndStopWorker(clock, MAX_SILENT_BEATS * beatMs);
        else inbox?.close();
        for (const end of ends.splice(0)) end();
      },
    });
    this.#open++;
    const stop = (error: unknown): void => {
      stream.stop({ error });
    };
    if (signal?.aborted === true) stop(signal.reason);
    else ends.push(presence.watch(clientId, stop));
    if (hasEnded(stream)) return stream; // it was cancelled or its client is offline, so nothing is sent

    try {
      inbox = new StreamInbox(connection, `${inboxPrefix}.${randomKey()}`, (error, msg) => {
        if (error === null) stream.receive(msg);
        else stop(lost(error));
      });
      send(inbox.subject);
    } catch (cause) {
      stop(lost(cause));
    }
    const abort = (): void => {
      stop(signal?.reason);
    };
    signal?.addEventListener('abort', abort, { once: true });
    ends.push(
      clock.every(beatMs / CHECKS_PER_BEAT, () => stream.checkSilence()),
      () => signal?.removeEventListener('abort', abort),
    );
    if (hasEnded(stream)) for (const end of ends.splice(0)) end(); // the request could not be sent
    return stream;
  }

  #release({ clientId, windowBytes }: RequestTerms): void {
    this.wire.clients?.leave(clientId);
    this.wire.budget.giveBack(windowBytes);
  }
}

/** Counts the open streams of each client, and keeps it online while it has any. */
class OpenClients {
  readonly #streams = new Map<string, number>();

  constructor(readonly presence: Presence) {}

  enter(id: string): void {
    const count = this.#streams.get(id) ?? 0;
    this.#streams.set(id, count + 1);
    if (count === 0) this.presence.markClientOnline(id);
  }

  leave(id: string): void {
    const count = this.#streams.get(id) ?? 0;
    this.#streams.set(id, count - 1);
    if (count > 1) return;
    this.#streams.delete(id);
    this.presence.markClientOffline(id);
  }
}

/** Asks again, because TypeScript assumes that a call does not change what was checked before it. */
const hasEnded = ({ isOver }: IncomingStream): boolean => isOver;

const lost = (cause: unknown): TaskError =>
  new TaskError('WORKER_LOST', 'The connection to NATS takes no requests', { cause });
