import type { Msg } from '@nats-io/transport-node';
import { TaskError, type ErrorCode } from '../../core/errors.js';
import { decodeFrame, type Control, type Frame, type RequestTerms } from './stream-protocol.js';
import { MessageQueue } from './message-queue.js';
import { ReceivedMessage, type OnMessage, type StreamMessage } from './stream-message.js';

/**
 * What a worker sends, in order, without a hole. Who leaves the loop early stops the worker. Iterating throws TaskError
 * `CLIENT_OFFLINE`, `NO_WORKER`, `WORKER_LOST`, `WORKER_TIMEOUT`, `WORKER_PROTOCOL_ERROR`, the worker's own code, or the
 * reason of the request's signal.
 */
export interface ResponseStream extends AsyncIterable<StreamMessage> {
  /**
   * Settles when the stream is over and what came has been taken: with the result that the worker ended with; undefined
   * where it was stopped here; rejects as iterating does. Need not be handled.
   */
  readonly finished: Promise<Uint8Array | undefined>;
}

/** What one stream needs of its requester. */
export interface ResponseWire {
  readonly terms: RequestTerms;
  readonly idleTimeoutMs: number;
  readonly onMessage: OnMessage | undefined;
  readonly watchers: () => number;
  readonly now: () => number;
  readonly subject: string;
  /** Sends to the worker. */
  readonly control: (to: string, control: Control) => void;
  /** Nothing more is read. A worker that has not said yet where it listens has still to be told: `pending`. */
  readonly over: (pending: boolean) => void;
  /** Counts what no worker sends, duplicates, and what comes after the end. */
  readonly drop: () => void;
}

/** The requester looks this often in the time of a beat. */
export const CHECKS_PER_BEAT = 2;
const SILENT_CHECKS = 3 * CHECKS_PER_BEAT;

type Outcome = { readonly result: Uint8Array | undefined } | { readonly error: unknown };

/** One stream as its requester sees it: takes frames, gives messages and credit, notices silence. */
export class IncomingStream implements ResponseStream {
  readonly finished: Promise<Uint8Array | undefined>;
  #resolve: ((result: Uint8Array | undefined) => void) | undefined;
  #reject: ((error: unknown) => void) | undefined;
  readonly #queue = new MessageQueue<StreamMessage>();
  /** The seq of the last message that has come. */
  #received = 0;
  /** What the program has taken, and what of it the worker has been told. */
  readonly #taken = { messages: 0, bytes: 0 };
  #credited = { messages: 0, bytes: 0 };
  /** The last one of the worker. */
  #question = 0;
  /** Where the worker listens. */
  #worker: string | undefined;
  #silentChecks = 0;
  /** Since when the worker could have sent what the program has not been given. */
  #idleSinceMs: number;
  /** How it ends when the queue is empty. */
  #last: Outcome | undefined;

  constructor(readonly wire: ResponseWire) {
    this.#idleSinceMs = wire.now();
    this.finished = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.finished.catch(() => undefined);
  }

  /** Nothing more comes; something may still have to be taken. */
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
   * Ends it here and now: what has come and was not taken is dropped, the worker is told. Nothing where the worker has
   * ended it: what it has sent is still given.
   */
  stop(outcome: Outcome): void {
    if (this.#last !== undefined) return;
    this.#queue.clear();
    this.#close(outcome, true);
  }

  /** A message in the stream's own inbox. */
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
    // The first to answer is the worker; nobody else was given the inbox.
    this.#worker ??= msg.reply;
    if (this.#worker !== msg.reply) {
      this.wire.drop();
      return;
    }
    this.#silentChecks = 0;
    this.#handle(frame);
  }

  /** Called so many times in a beat. Counts its calls, not time: a process that stood still has missed nothing. */
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

  /** False: there shall be no more. */
  #call(onMessage: OnMessage, message: StreamMessage): boolean {
    const fail = (error: unknown): void => {
      this.stop({ error });
    };
    try {
      const answer: unknown = onMessage(message);
      if (answer === false) this.stop({ result: undefined });
      if (answer instanceof Promise) answer.catch(fail);
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
      this.#idleSinceMs = this.wire.now(); // until here there was more than was wanted
      await this.#queue.changed();
    }
  }

  /** Tells the worker when half of its window is free again. */
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
    this.wire.control(this.#worker, {
      kind: 'credit',
      ...this.#taken,
      watchers: this.wire.watchers(),
      question: this.#question,
    });
  }

  #break(what: string): void {
    const error = new TaskError('WORKER_PROTOCOL_ERROR', `The worker broke the protocol: ${what}`);
    this.#close({ error }, true);
  }

  /** Nothing more comes; what has come is still given. @param tell whether the worker may not know it */
  #close(outcome: Outcome, tell: boolean): void {
    if (this.#last !== undefined) return;
    if (tell && this.#worker !== undefined) this.wire.control(this.#worker, { kind: 'stop' });
    this.#last = outcome;
    this.wire.over(tell && this.#worker === undefined);
    if (this.#queue.length === 0) this.#settle();
    this.#queue.ring();
  }

  #settle(): void {
    if (this.#last === undefined) return;
    if ('error' in this.#last) this.#reject?.(this.#last.error);
    else this.#resolve?.(this.#last.result);
  }
}

const noWorker = (subject: string): TaskError => new TaskError('NO_WORKER', `No worker is subscribed to ${subject}`);
