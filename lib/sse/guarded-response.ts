/**
 * Guards a response whose stream has begun; nothing else touches it. Middlewares put functions of their own in the
 * place of `write`, `end` and `flush`. Those may throw, return nothing, and look for the AsyncLocalStorage context of
 * their request.
 */
import { AsyncResource } from 'node:async_hooks';
import { OutgoingMessage, type ServerResponse } from 'node:http';
import type { Http2ServerResponse } from 'node:http2';
import { types } from 'node:util';
import { onRejection, warnOfFailure } from '../core/callbacks.js';
import { directSocket, type ChunkWriter, type Socket } from './chunks.js';
import { bytesTaken, http2StreamOf } from './transport.js';

/** A response that frames can be written to, whatever the protocol. */
export type StreamResponse = ServerResponse | Http2ServerResponse;

/** Is told what happens to a response. */
export interface ResponseOwner {
  drained(): void;
  /** The response is over. */
  close(): void;
  /** A function of the response has failed after it had returned. */
  cut(): void;
}

const OWNER = Symbol('owner');

type Held = StreamResponse & { [OWNER]?: ResponseOwner; flush?: () => void };

/** The outcome of a call: the response takes more, is full until it drains, or has thrown and is of no use any more. */
export type Taken = 'all' | 'full' | 'failed';

/** Calls a response in the context of its own request. None of its functions can throw here. */
export class GuardedResponse extends AsyncResource {
  readonly #res: Held;
  readonly #owner: ResponseOwner;
  /** True for responses with `flush`: compression middlewares hold everything back until it is called. */
  readonly #flushes: boolean;
  /**
   * The socket that frames are written to, past `res.write`, once the headers are out; undefined where they go to the
   * response.
   */
  #socket: Socket | undefined;
  /** Resolves when the response has written what was given to it last; undefined where it writes at once. */
  #written: Promise<void> | undefined;

  constructor(
    res: StreamResponse,
    owner: ResponseOwner,
    readonly chunks: ChunkWriter,
  ) {
    super('resumable-sse.response', { requireManualDestroy: true });
    this.#res = res;
    this.#owner = owner;
    this.#res[OWNER] = owner;
    this.#flushes = this.#res.flush !== undefined; // looking up a missing property is slow on Express's responses
    // All responses share one listener, which finds its owner by the response: no closure per connection.
    (res as ServerResponse).on('close', onClose);
  }

  /**
   * Sends the headers, and `prelude` in the same packet. Node keeps the headers for as long as the response is held.
   * Written by themselves they are one flat string; in one piece with what follows, a tree of some thirty strings.
   */
  begin(prelude: string): Taken {
    const plain = this.#res instanceof OutgoingMessage ? this.#res : undefined;
    return this.#attempt('write', () => {
      plain?.cork();
      plain?.flushHeaders();
      const isFull = this.#writeToResponse(prelude);
      plain?.uncork();
      this.#socket = directSocket(this.#res);
      this.#listenForDrain(isFull);
      return isFull;
    });
  }

  write(frames: string | Buffer): Taken {
    if (this.#socket === undefined) return this.#attempt('write', () => this.#writeToResponse(frames));
    try {
      if (this.chunks.write(this.#socket, frames)) return 'all'; // this path calls no function of a middleware
      this.#awaitDrain(this.#socket);
      return 'full';
    } catch (error) {
      return this.#failed('write', error);
    }
  }

  end(): Taken {
    if (this.#written === undefined) return this.#endNow();
    const end = (): void => {
      if (this.#endNow() === 'failed') this.#owner.cut();
    };
    this.#written.then(end, () => undefined); // a write that fails cuts the response
    return 'all';
  }

  /** Cuts the connection. Where even that fails, no `close` will follow, so the owner is told here. */
  destroy(): void {
    const taken = this.#attempt('destroy', () => {
      onRejection(this.#res.destroy(), (error) => this.#failed('destroy', error));
      return false;
    });
    if (taken === 'failed') this.#owner.close();
  }

  /**
   * True where nothing may be written any more. A middleware of the application may have ended the response as well.
   */
  get isOver(): boolean {
    return this.#res.writableEnded || this.#socket?.writable === false;
  }

  /** A number that changes whenever the network takes some bytes. */
  get bytesTaken(): number {
    return bytesTaken(this.#res);
  }

  #writeToResponse(frames: string | Buffer): boolean {
    const res = this.#res as ServerResponse;
    const more: unknown = res.write(frames);
    if (types.isPromise(more)) {
      this.#written = more.then(() => {
        this.#flush();
      });
      this.#watch('write', this.#written);
    } else this.#flush();
    // Logging middlewares and adapters of other platforms return nothing, or a promise. Then the response may know.
    return typeof more === 'boolean' ? !more : res.writableNeedDrain;
  }

  #flush(): void {
    if (this.#flushes) this.#watch('flush', this.#res.flush?.());
  }

  #endNow(): Taken {
    return this.#attempt('end', () => {
      this.#watch('end', this.#res.end());
      return false;
    });
  }

  #listenForDrain(isFull: boolean): void {
    if (this.#socket !== undefined) {
      if (isFull) this.#awaitDrain(this.#socket);
      return;
    }
    // A compression middleware adds the listener to its own stream and returns that stream, which is then the object
    // that the listener is called on.
    const heard: unknown = (this.#res as ServerResponse).on('drain', onDrain);
    if (typeof heard === 'object' && heard !== null) (heard as Held)[OWNER] = this.#owner;
  }

  #awaitDrain(socket: Socket): void {
    socket.once('drain', () => {
      this.#owner.drained();
    });
  }

  /** Cuts the connection where a function of a middleware, which nobody waits for, fails later. */
  #watch(name: string, value: unknown): void {
    onRejection(value, (error) => {
      this.#failed(name, error);
      this.#owner.cut();
    });
  }

  /** @param act true: the response is full now */
  #attempt(name: string, act: () => boolean): Taken {
    try {
      return this.runInAsyncScope(act) ? 'full' : 'all';
    } catch (error) {
      return this.#failed(name, error);
    }
  }

  #failed(name: string, error: unknown): 'failed' {
    warnOfFailure(`${name} of a response`, error);
    return 'failed';
  }
}

function onDrain(this: Held): void {
  this[OWNER]?.drained();
}

/**
 * Hears of the errors of a response that is being answered, such as one that a middleware ends within `write`. An error
 * that nobody listens to would end the process.
 */
export function listenForErrors(res: StreamResponse): void {
  (res as Partial<ServerResponse>).on?.('error', onError); // a mock of an application's tests need not have it
}

function onError(this: Held, error: unknown): void {
  warnOfFailure('a response', error);
  this[OWNER]?.cut();
}

function onClose(this: Held): void {
  this[OWNER]?.close();
}

/**
 * Tells whether a response waits behind another one (HTTP/1.1 pipelining). It has no socket, and never hears that its
 * client has left.
 */
export function isQueued(res: StreamResponse): boolean {
  return (res as Partial<StreamResponse>).req?.httpVersionMajor === 1 && res.socket === null;
}

/** Tells whether the client has left. Node's HTTP/2 responses say so on their stream only. */
function isGone(res: StreamResponse): boolean {
  return (http2StreamOf(res) ?? (res as ServerResponse)).destroyed;
}

/** Tells whether somebody has begun to answer, such as a time-out middleware. */
export const isAnswered = (res: StreamResponse): boolean => res.headersSent || res.writableEnded;

/** Tells whether nobody waits for the response any more, because its client has left or it was answered already. */
export const isOver = (res: StreamResponse): boolean => isGone(res) || isAnswered(res);
