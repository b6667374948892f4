/** The requester's side of a stream. */
import type { Msg } from '@nats-io/transport-node';
import { askSyncCallback, readCount } from '../../core/callbacks.js';
import { TaskError, type ErrorCode } from '../../core/errors.js';
import { decodeFrame, type Control, type Frame, type RequestTerms } from './messages/stream-protocol.js';
import { MessageQueue } from './messages/message-queue.js';
import { ReceivedMessage, type OnMessage, type StreamMessage } from './messages/stream-message.js';

/**
 * The messages of one worker, in order and without a hole. Leaving the loop early stops the worker. Iterating throws
 * TaskError `CLIENT_OFFLINE`, `NO_WORKER`, `WORKER_LOST`, `WORKER_TIMEOUT`, `WORKER_PROTOCOL_ERROR`, the worker's own
 * code, or the reason of the request's signal.
 */
export interface ResponseStream extends AsyncIterable<StreamMessage> {
  /**
   * Settles when the stream is over and every message has been taken. Resolves with the worker's result, or with undefined
   * where the stream was stopped here; rejects as iterating does. A rejection need not be handled.
   */
  readonly finished: Promise<Uint8Array | undefined>;
}

/** The part of its requester that one stream uses. */
export interface ResponseWire {
  readonly terms: RequestTerms;
  readonly idleTimeoutMs: number;
  readonly onMessage: OnMessage | undefined;
  readonly watchers: () => number;
  readonly now: () => number;
  readonly subject: string;
  /** Sends a control message to the worker. */
  readonly control: (to: string, control: Control) => void;
  /** Reports that the stream reads nothing more. `pending`: the worker has not yet said where it listens, and must still be told. */
  readonly over: (pending: boolean) => void;
  /** Counts a message that no worker sends, a duplicate, or one that comes after the end. */
  readonly drop: () => void;
}

/** Checks for silence per beat. */
export const CHECKS_PER_BEAT = 2;
const SILENT_CHECKS = 3 * CHECKS_PER_BEAT;

type Outcome = { readonly result: Uint8Array | undefined } | { readonly error: unknown };

/** Receives one stream for a requester: takes frames, hands out messages, returns credit, and notices silence. */
export class IncomingStream implements ResponseStream {
  readonly finished: Promise<Uint8Array | undefined>;
  #resolve: ((result: Uint8Array | undefined) => void) | undefined;
  #reject: ((error: unknown) => void) | undefined;
  readonly #queue = new MessageQueue<StreamMessage>();
  /** The seq of the last message that has arrived. */
  #received = 0;
  /** The amount that the program has taken; `#credited` is the part of it that the worker knows of. */
  readonly #taken = { messages: 0, bytes: 0 };
  #credited = { messages: 0, bytes: 0 };
  /** The number of the worker's last question. */
  #question = 0;
  /** The subject on which the worker listens. */
  #worker: string | undefined;
  #silentChecks = 0;
  /** The time since which the program has been waiting for the worker. */
  #idleSinceMs: number;
  /** The outcome, which is handed out when the queue is empty. */
  #last: Outcome | undefined;

  constructor(readonly wire: ResponseWire) {
    this.#idleSinceMs = wire.now();
    this.finished = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.finished.catch(() => undefined);
  }

  /** True when nothing more arrives, though messages may still wait to be taken. */
  get isOver(): boolean {
    return this.#last !== undefined;
  }

  [Symbol.asyncIterator](): AsyncIterator<StreamMessage, undefined> {
    return {
      next: () => this.#next(),
      return: () => {
        this.stop({ result: undefined });
        this.#queue.clear();
        this.#settle();
        return Promise.resolve({ done: true, value: undefined });
      },
    };
  }

  /**
   * Ends the stream at once: messages that were not taken are dropped, and the worker is told. It does nothing where the
   * worker has already ended the stream, whose messages are then still handed out.
   */
  stop(outcome: Outcome): void {
    if (this.#last !== undefined) return;
    this.#queue.clear();
    this.#close(outcome, true);
  }

  /** Takes a message from the stream's own inbox. */
  receive(msg: Msg): void {
    if (msg.headers?.code === 503) {
      if (this.#worker === undefined) this.#close({ error: noWorker(this.wire.subject) }, false);
      return;
    }
    const frame = decodeFrame(msg);
    if (frame === undefined || this.#last !== undefined || msg.reply === undefined || msg.reply === '') {
      this.wire.drop();
      return;
    }
    // The first one to answer is the worker, because nobody else knows the inbox.
    this.#worker ??= msg.reply;
    if (this.#worker !== msg.reply) {
      this.wire.drop();
      return;
    }
    this.#silentChecks = 0;
    this.#handle(frame);
  }

  /** Runs `CHECKS_PER_BEAT` times per beat. It counts calls instead of time, so a process that stood still blames nobody. */
  checkSilence(): void {
    if (this.#last !== undefined) return;
    const { idleTimeoutMs, terms, now } = this.wire;
    if (++this.#silentChecks >= SILENT_CHECKS) {
      const silence = `The worker was silent for 3 beats of ${terms.beatMs} ms`;
      this.#close({ error: new TaskError('WORKER_LOST', silence) }, true);
    } else if (this.#queue.length === 0 && now() - this.#idleSinceMs >= idleTimeoutMs) {
      this.stop({ error: new TaskError('WORKER_TIMEOUT', `The worker sent nothing for ${idleTimeoutMs} ms`) });
    }
  }

  #handle(frame: Frame): void {
    const lastBefore = frame.kind === 'data' ? frame.seq - 1 : frame.seq;
    if (lastBefore > this.#received) {
      this.#break(`messages ${this.#received + 1} to ${lastBefore} are missing`);
      return;
    }
    switch (frame.kind) {
      case 'data':
        if (lastBefore < this.#received) this.wire.drop();
        else this.#messages(frame.messages);
        return;
      case 'beat':
        this.#question = frame.question;
        this.#credit();
        return;
      case 'end':
        if (frame.seq < this.#received) this.#break('it ends before its last message');
        else this.#close({ result: frame.result }, false);
        return;
      case 'error':
        this.#close({ error: new TaskError(frame.code as ErrorCode, frame.message) }, false);
    }
  }

  #messages(messages: readonly Uint8Array[]): void {
    this.#idleSinceMs = this.wire.now();
    for (const data of messages) {
      this.#received++;
      const message = new ReceivedMessage(this.#received, data);
      if (this.wire.onMessage === undefined) this.#queue.push(message);
      else if (!this.#call(this.wire.onMessage, message)) return;
    }
    if (this.#queue.length > this.wire.terms.windowMessages) this.#break('it sends more than it has credit for');
  }

  /** Calls `onMessage`. Returns false where the stream is to end. */
  #call(onMessage: OnMessage, message: StreamMessage): boolean {
    const fail = (error: unknown): void => {
      this.stop({ error });
    };
    try {
      const answer: unknown = onMessage(message);
      if (answer === false) this.stop({ result: undefined });
      else if (typeof answer === 'object') Promise.resolve(answer).catch(fail); // a promise or another thenable
    } catch (error) {
      fail(error);
    }
    if (this.#last !== undefined) return false;
    this.#take(message.data.length);
    return true;
  }

  async #next(): Promise<IteratorResult<StreamMessage, undefined>> {
    for (;;) {
      const message = this.#queue.shift();
      if (message !== undefined) {
        this.#take(message.data.length);
        return { done: false, value: message };
      }
      if (this.#last !== undefined) {
        this.#settle();
        if ('error' in this.#last) throw this.#last.error;
        return { done: true, value: undefined };
      }
      this.#idleSinceMs = this.wire.now(); // up to now the program was the slower side
      await this.#queue.changed();
    }
  }

  /** Counts a message as taken, and tells the worker when half of its window is free again. */
  #take(bytes: number): void {
    this.#taken.messages++;
    this.#taken.bytes += bytes;
    const { windowMessages, windowBytes } = this.wire.terms;
    const messages = this.#taken.messages - this.#credited.messages;
    const free = this.#taken.bytes - this.#credited.bytes;
    if (2 * messages >= windowMessages || 2 * free >= windowBytes) this.#credit();
  }

  #credit(): void {
    if (this.#worker === undefined || this.#last !== undefined) return;
    this.#credited = { ...this.#taken };
    let watchers: number;
    try {
      watchers = readCount('watchers', askSyncCallback('watchers', this.wire.watchers));
    } catch (error) {
      this.stop({ error });
      return;
    }
    this.wire.control(this.#worker, { kind: 'credit', ...this.#taken, watchers, question: this.#question });
  }

  #break(what: string): void {
    const error = new TaskError('WORKER_PROTOCOL_ERROR', `The worker broke the protocol: ${what}`);
    this.#close({ error }, true);
  }

  /** Ends the intake; messages that have arrived are still handed out. @param tell true where the worker may not know that it ends */
  #close(outcome: Outcome, tell: boolean): void {
    if (this.#last !== undefined) return;
    if (tell && this.#worker !== undefined) this.wire.control(this.#worker, { kind: 'stop' });
    this.#last = outcome;
    this.wire.over(tell && this.#worker === undefined);
    if (this.#queue.length === 0) this.#settle();
    this.#queue.notify();
  }

  #settle(): void {
    if (this.#last === undefined) return;
    if ('error' in this.#last) this.#reject?.(this.#last.error);
    else this.#resolve?.(this.#last.result);
  }
}

const noWorker = (subject: string): TaskError => new TaskError('NO_WORKER', `No worker is subscribed to ${subject}`);
