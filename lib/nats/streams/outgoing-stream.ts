import type { Msg, NatsConnection } from '@nats-io/transport-node';
import type { Clock } from '../../core/clock.js';
import { TaskError, type PublicError } from '../../core/errors.js';
import { MessageBatch } from './message-batch.js';
import { maxPayloadOf } from '../connection.js';
import {
  decodeControl,
  encodeError,
  encodeHead,
  FRAME_HEAD_BYTES,
  LENGTH_BYTES,
  type Frame,
  type RequestTerms,
} from './stream-protocol.js';
import { MessageQueue } from './message-queue.js';
import { SendWindow } from './send-window.js';
import type { ResponseSender } from './stream-handler.js';

/** What a worker's stream needs around it. */
export interface OutgoingStreamWire {
  readonly connection: NatsConnection;
  readonly clock: Clock;
  /** Where the requester listens. */
  readonly inbox: string;
  /** Where this stream does. */
  readonly control: string;
}

/** After so many beats without an answer the requester is gone. */
export const MAX_SILENT_BEATS = 3;
const DONE = Promise.resolve();

interface Waiting {
  readonly message: Uint8Array;
  readonly resolve: () => void;
  readonly reject: (reason: TaskError) => void;
}

/** One request being answered. Ends once: by the worker, by the requester, or by its silence. */
export class OutgoingStream implements ResponseSender {
  readonly #controller = new AbortController();
  /** As the server said that brought the request: while there is none it says nothing. */
  readonly #maxBytes: number;
  readonly #window: SendWindow;
  readonly #batch = new MessageBatch((body, count) => this.#sendBatch(body, count));
  /** Sends for which there is no room yet, oldest first. */
  readonly #waiting = new MessageQueue<Waiting>();
  /** Settles after all that wait. */
  #lastSend = DONE;
  /** The seq of the last message that has left. */
  #sent = 0;
  /** Asked of the requester; the first that waits has the number `#asked` - length + 1. */
  readonly #questions: { resolve: (watchers: number) => void; reject: (reason: TaskError) => void }[] = [];
  #asked = 0;
  #unanswered = 0;
  #ending: Promise<void> | undefined;
  /** Why nothing more is sent. */
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
    this.#publish('beat', 0); // from it the requester knows whom to answer
  }

  /** Aborts when nobody will read any more. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get isOver(): boolean {
    return this.#closed !== undefined;
  }

  /** Calls `over` once when the stream has ended, however; at once where it has. */
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
    const message = Buffer.from(data as Uint8Array); // a copy
    this.#lastSend = new Promise((resolve, reject) => {
      this.#waiting.push({ message, resolve, reject });
    });
    return handled(this.#lastSend);
  }

  end(result: Uint8Array | string = ''): Promise<void> {
    if (this.#ending !== undefined || this.#closed !== undefined) return refusal(this.#closed ?? ended());
    try {
      this.#checkLength(result);
      this.#ending = handled(this.#endWith(Buffer.from(result as Uint8Array)));
    } catch (error) {
      return refusal(error);
    }
    return this.#ending;
  }

  /** Ends the stream, unless that is done or under way. Resolves when it is done. */
  async ensureEnd(): Promise<void> {
    if (this.#closed === undefined) await (this.#ending ?? this.end());
  }

  /** Ends the stream with an error for the requester, after all that was sent. Nothing where it is over. */
  fail(error: PublicError): void {
    if (this.#closed === undefined) this.#finish('error', encodeError(error));
  }

  /** Nobody reads any more. @param tell whether the requester may still be there, to be told why */
  abandon(reason: TaskError, tell: boolean): void {
    if (this.#closed !== undefined) return;
    this.#batch.clear();
    if (tell) this.#publish('error', this.#sent, encodeError(reason));
    this.#close(reason);
    this.#controller.abort(reason);
  }

  /** A message on the control subject. False for what no requester sends. */
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
    // An answer that was on its way before the question was asked answers only earlier ones.
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

  /** How many watch, now: asks the requester. Rejects with the reason when the stream is over. */
  watchers(): Promise<number> {
    if (this.#closed !== undefined) return Promise.reject(this.#closed);
    return new Promise((resolve, reject) => {
      this.#questions.push({ resolve, reject });
      this.#asked++;
      this.#publish('beat', this.#sent);
    });
  }

  /** @throws TaskError `EVENT_TOO_LARGE`, `UNSERIALIZABLE` for what is neither text nor bytes */
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
    if (this.#closed !== undefined && this.#closed.code !== 'ENDED') throw this.#closed; // stopped, or the connection has refused it
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

/** The same promise, whose rejection nobody has to handle. */
function handled(promise: Promise<void>): Promise<void> {
  promise.catch(() => undefined);
  return promise;
}

const refusal = (reason: unknown): Promise<void> => handled(Promise.reject(reason));
