/**
 * Sends heads, and answers in one piece, on responses whose functions a middleware may have replaced by its own. Where
 * one of them throws, the response is cut: no error handler could answer it, and Express's own would end the process.
 */
import type { ServerResponse } from 'node:http';
import { onRejection, warnOfFailure } from '../core/callbacks.js';
import type { Slice } from '../core/log/event-log.js';
import type { MemoryBudget } from '../core/log/memory.js';
import { Connection, type Source } from './connection.js';
import { LogEncoder } from './log-encoder.js';
import { isAnswered, listenForErrors, type StreamResponse } from './guarded-response.js';
import type { Heartbeat } from './heartbeat.js';

type Headers = Readonly<Record<string, string | number>>;

/** Headers of an answer that a key, an owner or a position decides about, and that no cache may keep. */
const NO_STORE = { 'Cache-Control': 'no-store' };

/** Sends status and headers with what is written next. Returns false where the response has failed. */
export function sendHead(res: StreamResponse, status: number, headers: Headers): boolean {
  // Many middlewares replace writeHead by a function that returns nothing, so its return value is not used.
  return attempt(res, 'writeHead', () => {
    listenForErrors(res);
    return (res as ServerResponse).writeHead(status, headers);
  });
}

/**
 * Answers, unless somebody else, such as a time-out middleware, has answered already. Returns false where the client is
 * told nothing.
 */
export function sendWhole(res: StreamResponse, status: number, headers: Headers, body?: string | Buffer): boolean {
  if (isAnswered(res) || !sendHead(res, status, headers)) return false;
  if (res.writableEnded) return false; // a middleware has ended it within writeHead
  return attempt(res, 'end', () => (res as ServerResponse).end(bodyFor(res, body)));
}

/** Returns `body`, or nothing where a HEAD asks: a server with `rejectNonStandardBodyWrites` throws at a body then. */
export function bodyFor<Body>(res: StreamResponse, body: Body): Body | undefined {
  return (res as Partial<ServerResponse>).req?.method === 'HEAD' ? undefined : body;
}

/** Watches clients while they take a large body. */
export interface Watch {
  readonly heartbeat: Heartbeat;
  /** Accounts for what a client has not taken yet. */
  readonly budget: MemoryBudget;
}

/**
 * Answers with a large body, as `sendWhole` does. It is sent like a stream: a client that takes nothing is cut, and what
 * its socket has not taken counts.
 * @param prelude what the body begins with
 */
export function sendLarge(
  res: StreamResponse,
  headers: Headers,
  { heartbeat, budget }: Watch,
  body: Buffer,
  prelude = '',
): boolean {
  const length = Buffer.byteLength(prelude) + body.length;
  if (isAnswered(res) || !sendHead(res, 200, { ...headers, 'Content-Length': length })) return false;
  if (bodyFor(res, body) === undefined) return attempt(res, 'end', () => res.end());
  const connection = new Connection(res, NO_LOG, heartbeat);
  connection.open(prelude, new Body(body, budget));
  return !connection.isCut;
}

/** Is read once. A body has neither gaps nor snapshots, so nothing is framed. */
class Body implements Source {
  readonly discarded = false;
  finished = false;

  constructor(
    readonly bytes: Buffer,
    readonly budget: MemoryBudget,
  ) {}

  read(): Slice | undefined {
    if (this.finished) return undefined;
    this.finished = true;
    return { kind: 'frames', from: 0, to: 0, bytes: this.bytes };
  }

  close(): void {
    this.finished = true;
  }
}

const NO_LOG = new LogEncoder('');

/** Answers 204. */
export function sendNoContent(res: StreamResponse, headers: Headers = NO_STORE): void {
  sendWhole(res, 204, headers);
}

/**
 * Calls functions of a response. Where one throws, or returns a promise that rejects, the response is cut. Never throws.
 * @returns false where one has thrown
 */
export function attempt(res: StreamResponse, name: string, act: () => unknown): boolean {
  const failed = (error: unknown): void => {
    warnOfFailure(`${name} of a response`, error);
    if (name !== 'destroy') attempt(res, 'destroy', () => res.destroy());
  };
  try {
    onRejection(act(), failed);
    return true;
  } catch (error) {
    failed(error);
    return false;
  }
}
