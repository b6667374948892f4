/** Sends commands and scripts through any client, within their time, and never to a node that hangs. */
import { createHash } from 'node:crypto';
import type { Clock } from '../../core/clock.js';
import { Deadlines } from '../../core/deadlines.js';
import { unavailable, type TaskError } from '../../core/errors.js';
import type { Command, RedisPort } from './client-port.js';
import { NodeHealth } from './node-health.js';
import { plain, type Reply } from './replies.js';

/** At most this many commands wait for a connection. */
const MAX_WAITING = 10_000;
/** A write goes out before its turn is over once it has this many words, so that Redis works while the rest is encoded. */
const MAX_WORDS = 64;
/** Time-outs are checked this often, in ms. */
const GRANULARITY_MS = 25;

/** A Lua script, by its text and by the name under which Redis keeps it. */
export interface Script {
  readonly text: string;
  readonly sha: string;
}

export const script = (text: string): Script => ({ text, sha: createHash('sha1').update(text).digest('hex') });

export interface Sent {
  readonly command: Command;
  /** It still waits for a connection: the client was never given it. */
  waiting: boolean;
  resolve(reply: Reply): void;
  reject(error: unknown): void;
}

/**
 * Sends commands so that none hangs: each is answered or rejected within `timeoutMs`, what is sent in one turn travels
 * together, and a node that takes commands but answers none is given nothing more until it does.
 */
export class Commands {
  readonly #deadlines = new Deadlines<Sent>();
  readonly #open = new Set<Sent>();
  readonly #health: NodeHealth<Sent>;
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
    this.#health = new NodeHealth(port, clock, timeoutMs);
    this.#ignoreReady = port.onReady(() => {
      this.#resume();
    });
  }

  /** Sends one command; those of one turn arrive in order. @throws TaskError `STORE_UNAVAILABLE` with the client's error */
  send(key: string, ...args: string[]): Promise<Reply> {
    return new Promise((resolve, reject) => {
      if (this.#health.isOverdue(key)) {
        reject(unavailable('Redis does not answer'));
        return;
      }
      const sent: Sent = { command: { key, args }, waiting: !this.port.ready, resolve, reject };
      if (sent.waiting && this.#waiting.length >= MAX_WAITING) {
        reject(unavailable('Redis is not connected'));
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

  /** Sends a command to one master rather than to the one that has a key; undefined where there is no such master. */
  async sendTo(master: number, ...args: string[]): Promise<Reply | undefined> {
    const reply = this.port.sendTo(master, args);
    return reply && plain(await reply);
  }

  /** Runs a script by its name, or by its text where the server does not have it yet. */
  async run({ text, sha }: Script, keys: readonly string[], args: readonly string[]): Promise<Reply> {
    const [key = ''] = keys;
    try {
      return await this.send(key, 'EVALSHA', sha, String(keys.length), ...keys, ...args);
    } catch (error) {
      const { cause } = error as TaskError;
      if (!(cause instanceof Error) || !cause.message.startsWith('NOSCRIPT')) throw error;
      return this.send(key, 'EVAL', text, String(keys.length), ...keys, ...args);
    }
  }

  /** The same by its text alone: in order with other commands even where the server has never seen it. */
  runInOrder({ text }: Script, keys: readonly string[], args: readonly string[]): Promise<Reply> {
    return this.send(keys[0] ?? '', 'EVAL', text, String(keys.length), ...keys, ...args);
  }

  close(): void {
    this.#ignoreReady();
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#health.close();
    for (const sent of [...this.#open]) this.#settle(sent, () => sent.reject(unavailable('The store is closed')));
  }

  #resume(): void {
    if (!this.port.ready) return;
    for (const sent of this.#waiting.splice(0)) {
      sent.waiting = false;
      this.#enqueue(sent);
    }
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
        (value) => this.#settle(sent, () => sent.resolve(plain(value))),
        (cause: unknown) => this.#settle(sent, () => sent.reject(this.#failure(cause))),
      );
    });
  };

  #failure(cause: unknown): TaskError {
    if (cause instanceof Error && cause.message.includes('READONLY')) this.#health.demoted();
    return unavailable('Redis has refused or failed', cause);
  }

  #settle(sent: Sent, answer: () => void): void {
    this.#health.answered(sent.command.key, sent);
    if (!this.#open.delete(sent)) return; // too late
    this.#deadlines.delete(sent, this.timeoutMs);
    if (this.#open.size === 0) {
      this.#cancelTimer?.();
      this.#cancelTimer = undefined;
    }
    answer();
  }

  readonly #expire = (): void => {
    this.#resume();
    const due = new Set(this.#deadlines.take(this.clock.now()));
    if (due.size === 0) return;
    this.#waiting = this.#waiting.filter((sent) => !due.has(sent));
    for (const sent of due) {
      this.#settle(sent, () => sent.reject(unavailable(`Redis did not answer within ${this.timeoutMs} ms`)));
      if (!sent.waiting) this.#health.missed(sent.command.key, sent);
    }
  };
}
