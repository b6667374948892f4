import type { NatsConnection } from '@nats-io/transport-node';
import {
  createPresence,
  createStreamRequester,
  createStreamResponder,
  type Presence,
  type ResponseSender,
  type ResponseStream,
  type StreamRequest,
  type StreamRequester,
  type StreamRequesterOptions,
  type StreamResponder,
  type StreamResponderOptions,
} from '../../../lib/nats/index.js';
import { useNats, type Nats, type NatsOfTest } from './nats-server.js';

export const LEASE_MS = 400;
export const BEAT_MS = 100;

export interface Gateway {
  readonly connection: NatsConnection;
  readonly presence: Presence;
  readonly requester: StreamRequester;
}

/** A process that clients are connected to, on a connection of its own. */
export async function openGateway(nats: Nats, options: Partial<StreamRequesterOptions> = {}): Promise<Gateway> {
  const connection = await nats.connect();
  const presence = createPresence({ connection, leaseMs: LEASE_MS });
  nats.beforeClose(() => presence.stop());
  const requester = createStreamRequester({ connection, presence, beatMs: BEAT_MS, ...options });
  return { connection, presence, requester };
}

export interface Worker {
  readonly connection: NatsConnection;
  readonly presence: Presence;
  readonly responder: StreamResponder;
}

export async function openWorker(nats: Nats, options: Partial<StreamResponderOptions> = {}): Promise<Worker> {
  const connection = await nats.connect();
  const presence = createPresence({ connection, leaseMs: LEASE_MS });
  nats.beforeClose(() => presence.stop());
  const responder = createStreamResponder({ connection, presence, onError: () => undefined, ...options });
  await presence.startClientOfflineListener();
  return { connection, presence, responder };
}

/** What `useParties` gives each test of a file. */
export interface Parties extends NatsOfTest {
  readonly gateway: Gateway;
  readonly worker: Worker;
}

/** One server, gateway and worker for all tests of this file or block. */
export function useParties(prefix: string, options: Partial<StreamRequesterOptions> = {}): Parties {
  const base = useNats(prefix);
  let parties: Pick<Parties, 'gateway' | 'worker'> | undefined;
  beforeAll(async () => {
    parties = { gateway: await openGateway(base.nats, options), worker: await openWorker(base.nats) };
  });
  const there = (): Pick<Parties, 'gateway' | 'worker'> => {
    if (parties === undefined) throw new Error('not before the tests');
    return parties;
  };
  return {
    get nats() {
      return base.nats;
    },
    get subject() {
      return base.subject;
    },
    get gateway() {
      return there().gateway;
    },
    get worker() {
      return there().worker;
    },
  };
}

/** A client of this process alone, where tests share a server. */
export const ANN = `ann-${process.pid}`;

interface Call {
  readonly request: StreamRequest;
  readonly sender: ResponseSender;
  readonly done: () => void;
  readonly fail: (error: unknown) => void;
}

/** A handler that a test plays: each call waits here for what the test does with it. */
export class Calls {
  readonly #calls: Call[] = [];
  readonly #waiting: (() => void)[] = [];

  readonly handler = (request: StreamRequest, sender: ResponseSender): Promise<void> =>
    new Promise((done, fail) => {
      this.#calls.push({ request, sender, done, fail });
      request.signal.addEventListener('abort', () => {
        fail(request.signal.reason as Error);
      });
      for (const wake of this.#waiting.splice(0)) wake();
    });

  get count(): number {
    return this.#calls.length;
  }

  /** The nth call, from 1, as soon as there is one. */
  async call(nth = 1): Promise<Call> {
    for (;;) {
      const call = this.#calls[nth - 1];
      if (call !== undefined) return call;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }
}

/** Everything that a stream gives, as text. */
export async function textsOf(stream: ResponseStream): Promise<string[]> {
  const texts: string[] = [];
  for await (const message of stream) texts.push(message.string());
  return texts;
}

/** Resolves when the signal aborts, with its reason. */
export const aborted = (signal: AbortSignal): Promise<unknown> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve(signal.reason);
    signal.addEventListener('abort', () => resolve(signal.reason), { once: true });
  });

/** The codes that promises reject with; `resolved` for those that do not. */
export const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'resolved',
    (error: unknown) => (error as { code?: string }).code ?? String(error),
  );

/** Whatever a stream gives or fails with, until it is over. */
export const outcomeOf = (stream: ResponseStream): Promise<string> => codeOf(textsOf(stream));

/** The next item. @throws where there is none */
export async function nextOf<T>(iterator: AsyncIterator<T, unknown>): Promise<T> {
  const next = await iterator.next();
  if (next.done === true) throw new Error('There is no next item');
  return next.value;
}
