import { EventEmitter } from 'node:events';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';

/** A request as `executeWithSSE` reads it: method, URL and headers. */
export function fakeRequest(url: string, headers: IncomingHttpHeaders = {}, method = 'GET'): IncomingMessage {
  // A socket of its own, so that nothing is pipelined.
  const request: object = { method, url, headers, socket: {}, httpVersion: '1.1', httpVersionMajor: 1 };
  return request as IncomingMessage;
}

export interface MemoryResponseOptions {
  /** From so many untaken bytes on, `write` returns false. Default 16 KiB. */
  readonly highWaterMark?: number;
  /** False: the client takes nothing until it is told to. Default true. */
  readonly taking?: boolean;
  /** Gets every chunk as it is written. */
  readonly onWrite?: (chunk: Buffer) => void;
  /** Gets the bytes that the client takes, cut wherever it stops taking. */
  readonly onReceive?: (bytes: Buffer) => void;
}

/**
 * A response without a socket, for thousands of runs: what is written waits until the client takes it. Like Node's,
 * it emits `drain` once everything was taken after a `write` that returned false, and `close` exactly once, later.
 */
export class MemoryResponse extends EventEmitter {
  readonly req = fakeRequest('/');
  readonly socket: object | null = {};
  status: number | undefined;
  headers: Record<string, string> = {};
  /** `end` was called. */
  ended = false;
  /** The server cut the connection. */
  cut = false;
  destroyed = false;
  closed = false;
  /** What a well-behaved server never does. */
  readonly misuse: string[] = [];
  writes = 0;
  needsDrain = false;
  taking: boolean;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  readonly #options: MemoryResponseOptions;

  constructor(options: MemoryResponseOptions = {}) {
    super();
    this.#options = options;
    this.taking = options.taking ?? true;
  }

  get writableEnded(): boolean {
    return this.ended;
  }

  /** The same object as the library takes it. */
  get res(): ServerResponse {
    return this as unknown as ServerResponse;
  }

  /** Written and not taken. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  writeHead(status: number, headers: Record<string, string> = {}): this {
    if (this.status !== undefined) this.misuse.push('writeHead was called twice');
    this.status = status;
    this.headers = headers;
    return this;
  }

  write(chunk: string | Buffer): boolean {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    if (this.status === undefined) this.misuse.push('write came before writeHead');
    if (this.ended) this.misuse.push('write came after end');
    // A last `retry` on the way out is allowed: it is a few bytes, once.
    if (this.needsDrain && !/^retry: \d+\n\n$/.test(String(chunk))) this.misuse.push('write did not wait for drain');
    if (this.destroyed) return false;
    this.writes++;
    this.#options.onWrite?.(bytes);
    this.#waiting.push(Buffer.from(bytes)); // a copy: shared bytes that change later must not go unnoticed
    this.#waitingBytes += bytes.length;
    if (this.taking) this.take(Infinity);
    const fits = this.#waitingBytes < (this.#options.highWaterMark ?? 16_384);
    if (!fits) this.needsDrain = true;
    return fits;
  }

  end(): this {
    if (this.status === undefined) this.misuse.push('end came before writeHead');
    this.ended = true;
    this.#settle();
    return this;
  }

  destroy(): this {
    if (!this.destroyed) this.cut = true;
    this.#close();
    return this;
  }

  /** The client takes up to `limit` bytes, which may cut a frame anywhere. */
  take(limit: number): void {
    let left = limit;
    while (left > 0 && this.#waiting.length > 0) {
      const chunk = this.#waiting.shift()!;
      const taken = chunk.subarray(0, left);
      if (taken.length < chunk.length) this.#waiting.unshift(chunk.subarray(taken.length));
      this.#waitingBytes -= taken.length;
      left -= taken.length;
      this.#options.onReceive?.(taken);
    }
    this.#settle();
  }

  /** The client is gone; what it did not take is lost. */
  drop(): void {
    this.#close();
  }

  #settle(): void {
    if (this.#waitingBytes > 0 || this.destroyed) return;
    if (this.ended) {
      this.#close();
    } else if (this.needsDrain) {
      this.needsDrain = false;
      process.nextTick(() => {
        if (!this.destroyed) this.emit('drain');
      });
    }
  }

  #close(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.#waiting = [];
    this.#waitingBytes = 0;
    process.nextTick(() => {
      this.closed = true;
      this.emit('close');
    });
  }
}
