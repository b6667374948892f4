import { createHash } from 'node:crypto';
import type { Clock } from '../core/clock.js';
import { Deadlines } from '../core/deadlines.js';
import { TaskError } from '../core/errors.js';
import type { Command, RedisPort } from './client-port.js';

/** So many commands wait for a connection at most. */
const MAX_WAITING = 10_000;
/** After so many words a write goes out before its tick is over, so that the server works while the rest is encoded. */
const MAX_WORDS = 64;
/** How precisely time-outs are kept, in ms. */
const GRANULARITY_MS = 25;

/** A Lua script, by its text and by the name under which Redis keeps it. */
export interface Script {
  readonly text: string;
  readonly sha: string;
}

export const script = (text: string): Script => ({ text, sha: createHash('sha1').update(text).digest('hex') });

interface Sent {
  readonly command: Command;
  /** Still waits for a connection: was never given to the client. */
  waiting: boolean;
  resolve(reply: unknown): void;
  reject(error: unknown): void;
}

/**
 * Sends commands so that none hangs: each is answered or refused within `timeoutMs`, what is sent in one tick travels
 * together, and while a server takes commands but answers none, nothing more is given to it.
 */
export class Commands {
  readonly #deadlines = new Deadlines<Sent>();
  readonly #open = new Set<Sent>();
  /** Given to the client, not answered in time, and not answered since. */
  readonly #overdue = new Set<Sent>();
  #waiting: Sent[] = [];
  #outgoing: Sent[] = [];
  #words = 0;
  #cancelTimer: (() => void) | undefined;
  readonly #ignoreReady: () => void;

  constructor(
    readonly port: RedisPort,
    readonly clock: Clock,
    readonly timeoutMs: number,
  ) {
    this.#ignoreReady = port.onReady(() => {
      this.resume();
    });
  }

  /** Nothing is known to be wrong with the connection. */
  get healthy(): boolean {
    return this.port.ready && this.#overdue.size === 0;
  }

  /** Commands sent in one tick arrive in order. @throws TaskError `STORE_UNAVAILABLE`, with the client's error */
  send(key: string, ...args: string[]): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#overdue.size > 0) {
        reject(unavailable('The store does not answer'));
        return;
      }
      const sent: Sent = { command: { key, args }, waiting: !this.port.ready, resolve, reject };
      if (sent.waiting && this.#waiting.length >= MAX_WAITING) {
        reject(unavailable('The store is not connected'));
        return;
      }
      this.#open.add(sent);
      this.#deadlines.add(sent, this.timeoutMs, this.clock.now());
      this.#cancelTimer ??= this.clock.every(GRANULARITY_MS, () => {
        setImmediate(this.#expire); // answers first that came while the event loop stood still
      });
      if (sent.waiting) this.#waiting.push(sent);
      else this.#enqueue(sent);
    });
  }

  /** Runs a script by its name, or by its text where the server does not have it yet. */
  async run({ text, sha }: Script, keys: readonly string[], args: readonly string[]): Promise<unknown> {
    const [key = ''] = keys;
    try {
      return await this.send(key, 'EVALSHA', sha, String(keys.length), ...keys, ...args);
    } catch (error) {
      if (!replyOf(error).startsWith('NOSCRIPT')) throw error;
      return this.send(key, 'EVAL', text, String(keys.length), ...keys, ...args);
    }
  }

  /** The same by its text alone: in order with other commands even where the server has never seen it. */
  runInOrder({ text }: Script, keys: readonly string[], args: readonly string[]): Promise<unknown> {
    return this.send(keys[0] ?? '', 'EVAL', text, String(keys.length), ...keys, ...args);
  }

  /** The connection is there: sends what has waited for it. */
  resume(): void {
    if (!this.port.ready) return;
    for (const sent of this.#waiting.splice(0)) {
      sent.waiting = false;
      this.#enqueue(sent);
    }
  }

  close(): void {
    this.#ignoreReady();
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    for (const sent of [...this.#open]) this.#settle(sent, () => sent.reject(unavailable('The store is closed')));
  }

  #enqueue(sent: Sent): void {
    if (this.#outgoing.push(sent) === 1) queueMicrotask(this.#flush);
    this.#words += sent.command.args.length;
    if (this.#words > MAX_WORDS) this.#flush();
  }

  readonly #flush = (): void => {
    const batch = this.#outgoing;
    if (batch.length === 0) return;
    this.#outgoing = [];
    this.#words = 0;
    let replies: Promise<unknown>[];
    try {
      replies = this.port.send(batch.map(({ command }) => command));
    } catch (error) {
      replies = batch.map(() => Promise.reject(error)); // a client that throws rather than rejects
    }
    replies.forEach((reply, index) => {
      const sent = batch[index] as Sent;
      reply.then(
        (value) => this.#settle(sent, () => sent.resolve(value)),
        (cause: unknown) => this.#settle(sent, () => sent.reject(refused(cause))),
      );
    });
  };

  #settle(sent: Sent, answer: () => void): void {
    this.#overdue.delete(sent);
    if (!this.#open.delete(sent)) return; // too late
    this.#deadlines.delete(sent, this.timeoutMs);
    if (this.#open.size === 0) {
      this.#cancelTimer?.();
      this.#cancelTimer = undefined;
    }
    answer();
  }

  readonly #expire = (): void => {
    this.resume();
    const due = this.#deadlines.take(this.clock.now());
    if (due.length === 0) return;
    this.#waiting = this.#waiting.filter((sent) => !due.includes(sent));
    for (const sent of due) {
      this.#settle(sent, () => sent.reject(unavailable(`The store did not answer within ${this.timeoutMs} ms`)));
      if (!sent.waiting) this.#overdue.add(sent);
    }
  };
}

const unavailable = (message: string, cause?: unknown): TaskError =>
  new TaskError('STORE_UNAVAILABLE', message, cause === undefined ? undefined : { cause });

const refused = (cause: unknown): TaskError => unavailable('The store refused or failed', cause);

/** What Redis itself said, as `OOM command not allowed …`; empty where it said nothing. */
function replyOf(error: unknown): string {
  const cause = error instanceof TaskError ? error.cause : error;
  return cause instanceof Error && /^[A-Z]{2,} /.test(cause.message) ? cause.message : '';
}

/** What Redis says when the same command will be accepted a little later. */
const PASSING = /^(?:LOADING|READONLY|TRYAGAIN|CLUSTERDOWN|MASTERDOWN|BUSY|UNBLOCKED|NOREPLICAS) /;

/** The same command may be accepted later, or has been and only its answer was lost. */
export function isPassing(error: unknown): boolean {
  const said = replyOf(error);
  return said === '' || PASSING.test(said);
}
