/** The worker's side of a stream. */
import type { Msg, NatsConnection } from '@nats-io/transport-node';
import { TaskError, type PublicError } from '../../core/errors.js';
import { systemClock, type Clock } from '../../core/clock.js';
import { guardSignal } from '../../core/run/guarded-signal.js';
import { EventLoopYielder } from '../../core/run/event-loop-yielder.js';
import { optional } from '../../core/optional-promise.js';
import { MessageBatch } from './messages/message-batch.js';
import { maxPayloadOf } from '../connection.js';
import {
  decodeControl,
  encodeError,
  encodeHead,
  FRAME_HEAD_BYTES,
  LENGTH_BYTES,
  type Frame,
  type RequestTerms,
} from './messages/stream-protocol.js';
import { MessageQueue } from './messages/message-queue.js';
import { SendWindow } from './send-window.js';
import type { ResponseSender } from './stream-handler.js';

/** The surroundings that a worker's stream uses. */
export interface OutgoingStreamWire {
  readonly connection: NatsConnection;
  readonly clock: Clock;
  /** The subject on which the requester listens. */
  readonly inbox: string;
  /** The subject on which this stream listens. */
  readonly control: string;
}

/** Beats without an answer after which the requester counts as gone. */
export const MAX_SILENT_BEATS = 3;
const DONE = Promise.resolve();

interface Waiting {
  readonly message: Uint8Array;
  readonly resolve: () => void;
  readonly reject: (reason: TaskError) => void;
}

/** Sends one stream for a worker. It ends once: by the worker, by the requester, or by the requester's silence. */
export class OutgoingStream implements ResponseSender {
  readonly #controller = new AbortController();
  /** The payload limit of the server that delivered the request, kept because a lost connection no longer tells it. */
  readonly #maxBytes: number;
  readonly #window: SendWindow;
  readonly #batch = new MessageBatch((body, count) => this.#sendBatch(body, count));
  /** Sends that wait for room in the window, oldest first. */
  readonly #waiting = new MessageQueue<Waiting>();
  /** Settles after the last of them. */
  #lastSend = DONE;
  /** The seq of the last message that was sent. */
  #sent = 0;
  /** Unanswered questions to the requester; the first of them has the number `#asked` - length + 1. */
  readonly #questions: { resolve: (watchers: number) => void; reject: (reason: TaskError) => void }[] = [];
  #asked = 0;
  #unanswered = 0;
  #ending: Promise<void> | undefined;
  /** The reason why nothing more is sent. */
  #closed: TaskError | undefined;
  readonly #stopBeats: () => void;
  readonly #whenOver: (() => void)[] = [];

  constructor(
    readonly wire: OutgoingStreamWire,
    terms: RequestTerms,
  ) {
    this.#maxBytes = maxPayloadOf(wire.connection) - FRAME_HEAD_BYTES - LENGTH_BYTES;
    this.#window = new SendWindow(terms.windowMessages, terms.windowBytes);
    this.#stopBeats = wire.clock.every(terms.beatMs, () => this.#beat());
    guardSignal(this.#controller.signal);
    this.#publish('beat', 0); // it tells the requester where to send its answers
  }

  /** Aborts when nobody reads the stream any more. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get isOver(): boolean {
    return this.#closed !== undefined;
  }

  /** Calls `over` once, when the stream has ended in any way, or at once where it already has. */
  whenOver(over: () => void): void {
    if (this.isOver) over();
    else this.#whenOver.push(over);
  }

  send(data: Uint8Array | string): Promise<void> {
    if (this.#ending !== undefined || this.#closed !== undefined) return refusal(this.#closed ?? ended());
    let length: number;
    try {
      length = this.#checkLength(data);
    } catch (error) {
      return refusal(error);
    }
    if (this.#waiting.length === 0 && this.#window.isOpen) {
      this.#add(data, length);
      return DONE;
    }
    const message = Buffer.from(data as Uint8Array); // a copy, so that the caller may use its bytes again
    this.#lastSend = new Promise((resolve, reject) => {
      this.#waiting.push({ message, resolve, reject });
    });
    return optional(this.#lastSend);
  }

  end(result: Uint8Array | string = ''): Promise<void> {
    if (this.#ending !== undefined || this.#closed !== undefined) return refusal(this.#closed ?? ended());
    try {
      this.#checkLength(result);
      this.#ending = optional(this.#endWith(Buffer.from(result as Uint8Array)));
    } catch (error) {
      return refusal(error);
    }
    return this.#ending;
  }

  /** Ends the stream, unless that has happened or is under way. Resolves when it has ended. */
  async ensureEnd(): Promise<void> {
    if (this.#closed === undefined) await (this.#ending ?? this.end());
  }

  /** Ends the stream with an error for the requester, after everything sent so far. It does nothing on an ended stream. */
  fail(error: PublicError): void {
    if (this.#closed === undefined) this.#finish('error', encodeError(error));
  }

  /** Ends the stream because nobody reads it any more. @param tell true where the requester may still be there to be told why */
  abandon(reason: TaskError, tell: boolean): void {
    if (this.#closed !== undefined) return;
    this.#batch.clear();
    if (tell) this.#publish('error', this.#sent, encodeError(reason));
    this.#close(reason);
    this.#controller.abort(reason);
  }

  /** Takes a message on the control subject. Returns false for anything that no requester sends. */
  receive(msg: Msg): boolean {
    if (msg.headers?.code === 503) {
      this.abandon(offline('Nobody listens to the answers any more'), false);
      return true;
    }
    const control = decodeControl(msg.string());
    if (control === undefined) return false;
    if (control.kind === 'stop') {
      this.abandon(offline('The requester has stopped the stream'), false);
      return true;
    }
    if (!this.#window.credit(control.messages, control.bytes)) return false;
    this.#unanswered = 0;
    // An answer sent before a question was asked answers only the earlier questions.
    const answered = Math.max(0, control.question - this.#asked + this.#questions.length);
    for (const { resolve } of this.#questions.splice(0, answered)) resolve(control.watchers);
    while (this.#window.isOpen) {
      const next = this.#waiting.shift();
      if (next === undefined) break;
      this.#add(next.message, next.message.length);
      next.resolve();
    }
    return true;
  }

  /** Asks the requester how many clients watch now. Rejects with the reason when the stream ends first. */
  watchers(): Promise<number> {
    if (this.#closed !== undefined) return refusal(this.#closed);
    return new Promise((resolve, reject) => {
      this.#questions.push({ resolve, reject });
      this.#asked++;
      this.#publish('beat', this.#sent);
    });
  }

  /** Returns the size in bytes. @throws TaskError `EVENT_TOO_LARGE`, or `UNSERIALIZABLE` for anything but text and bytes */
  #checkLength(data: unknown): number {
    if (typeof data !== 'string' && !(data instanceof Uint8Array)) {
      throw new TaskError('UNSERIALIZABLE', `A message is text or bytes, not ${typeof data}`);
    }
    const length = Buffer.byteLength(data);
    if (length <= this.#maxBytes) return length;
    throw new TaskError('EVENT_TOO_LARGE', `The message has ${length} bytes, the server takes ${this.#maxBytes}`);
  }

  #add(message: Uint8Array | string, length: number): void {
    this.#window.add(length);
    this.#batch.add(message, length, this.#maxBytes + LENGTH_BYTES);
  }

  #sendBatch(body: Uint8Array, count: number): void {
    const seq = this.#sent + 1;
    this.#sent += count;
    this.#publish('data', seq, body);
  }

  async #endWith(result: Uint8Array): Promise<void> {
    await this.#lastSend;
    this.#finish('end', result);
    if (this.#closed !== undefined && this.#closed.code !== 'ENDED') throw this.#closed; // it was stopped, or the connection refused the end
  }

  #beat(): void {
    if (this.#unanswered >= MAX_SILENT_BEATS) {
      this.abandon(offline(`The requester was silent for ${MAX_SILENT_BEATS} beats`), true);
      return;
    }
    this.#unanswered++;
    this.#publish('beat', this.#sent);
  }

  #finish(kind: 'end' | 'error', body: Uint8Array): void {
    this.#batch.flush();
    if (this.#closed !== undefined) return; // the connection has refused the batch
    this.#publish(kind, this.#sent, body);
    this.#close(ended());
  }

  #publish(kind: Frame['kind'], seq: number, body?: Uint8Array): void {
    const { connection, inbox, control } = this.wire;
    try {
      connection.publish(inbox, body, { headers: encodeHead(kind, seq, this.#asked), reply: control });
    } catch (cause) {
      this.#close(offline('The connection to NATS is closed', { cause }));
      this.#controller.abort(this.#closed);
    }
  }

  #close(reason: TaskError): void {
    if (this.#closed !== undefined) return;
    this.#closed = reason;
    this.#stopBeats();
    for (let send = this.#waiting.shift(); send !== undefined; send = this.#waiting.shift()) send.reject(reason);
    for (const { reject } of this.#questions.splice(0)) reject(reason);
    for (const over of this.#whenOver.splice(0)) over();
  }
}

const ended = (): TaskError => new TaskError('ENDED', 'The stream has ended');
const offline = (message: string, options?: ErrorOptions): TaskError =>
  new TaskError('CLIENT_OFFLINE', message, options);

/** All workers of a process share its event loop, which a handler that goes on after a refusal must not starve. */
const yielder = new EventLoopYielder(systemClock);
const refusal = (reason: unknown): Promise<never> => {
  const turn = yielder.next();
  return optional(turn === undefined ? Promise.reject(reason) : turn.then(() => Promise.reject(reason)));
};
