import { EventEmitter } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { FrameSplitter, type Frame } from './sse-frames.js';

/** One request and its response without a socket, for tests that open thousands: the test is the network. */
export class FakeStream extends EventEmitter {
  readonly frames: Frame[] = [];
  headers: Record<string, string> = {};
  status = 0;
  destroyed = false;
  writableEnded = false;
  writes = 0;
  /** The socket is full: each write says so until `drain`. */
  full = false;
  readonly socket = {};
  readonly req: IncomingMessage;
  readonly #splitter = new FrameSplitter();

  constructor(url: string, headers: Record<string, string> = {}) {
    super();
    const socket = { remoteAddress: '127.0.0.1' };
    this.req = { method: 'GET', url, headers, httpVersionMajor: 1, socket } as unknown as IncomingMessage;
  }

  get res(): ServerResponse {
    return this as unknown as ServerResponse;
  }

  writeHead(status: number, headers: Record<string, string>): this {
    this.status = status;
    this.headers = headers;
    return this;
  }

  write(bytes: Buffer | string): boolean {
    this.writes++;
    this.frames.push(...this.#splitter.push(bytes.toString()));
    return !this.full;
  }

  drain(): void {
    this.full = false;
    this.emit('drain');
  }

  end(): this {
    this.writableEnded = true;
    this.destroy();
    return this;
  }

  /** Also what the server sees when the client is cut off. */
  destroy(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.emit('close');
  }
}

/** Lets the logs wake their followers. */
export const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
