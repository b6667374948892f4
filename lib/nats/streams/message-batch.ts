import { LENGTH_BYTES } from './stream-protocol.js';

/** A batch of this size goes at once; a smaller one with the turn of the event loop that began it. */
const FULL_BYTES = 32_768;
/** A message of this size goes alone: what it saves in heads it would lose in copies. */
const LARGE_BYTES = 8_192;
const NOTHING = Buffer.alloc(0);

/**
 * Messages of one turn of the event loop, sent as one frame: the head of a NATS message costs more than a short
 * message does. Each is copied once, to where it is sent from.
 */
export class MessageBatch {
  #body = NOTHING;
  #length = 0;
  #count = 0;
  #scheduled = false;

  /** @param send gets the body of a frame, and how many messages it holds, never none */
  constructor(readonly send: (body: Uint8Array, count: number) => void) {}

  /**
   * @param length of the message in bytes
   * @param maxBytes what a frame may carry; a single message must fit
   */
  add(message: Uint8Array | string, length: number, maxBytes: number): void {
    const size = LENGTH_BYTES + length;
    const isLarge = size >= LARGE_BYTES;
    if (isLarge || this.#length + size > maxBytes) this.flush();
    this.#reserve(size);
    const start = this.#body.writeUInt32BE(length, this.#length);
    if (typeof message === 'string') this.#body.write(message, start);
    else this.#body.set(message, start);
    this.#length += size;
    this.#count++;
    if (isLarge || this.#length >= FULL_BYTES) this.flush();
    else this.#schedule();
  }

  flush(): void {
    if (this.#count === 0) return;
    const [body, count] = [this.#body.subarray(0, this.#length), this.#count];
    this.clear();
    this.send(body, count);
  }

  clear(): void {
    this.#body = NOTHING;
    this.#length = this.#count = 0;
  }

  /** A lone message gets just its room, many share what doubles. */
  #reserve(size: number): void {
    const needed = this.#length + size;
    if (needed <= this.#body.length) return;
    const grown = Buffer.allocUnsafe(Math.max(needed, 2 * this.#body.length));
    grown.set(this.#body.subarray(0, this.#length));
    this.#body = grown;
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.flush();
    });
  }
}
