/** Batches the messages of a worker into frames. */
import { LENGTH_BYTES } from './stream-protocol.js';

/** A batch of this size is sent at once, a smaller one at the end of the turn of the event loop that began it. */
const FULL_BYTES = 32_768;
/** A message of this size is sent alone, because copying it costs more than the header it would save. */
const LARGE_BYTES = 8_192;
const NOTHING = Buffer.alloc(0);

/**
 * Collects the messages of one turn of the event loop into one frame, because the header of a NATS message costs more than
 * a short message does. Each message is copied once, into the buffer that is sent.
 */
export class MessageBatch {
  #body = NOTHING;
  #length = 0;
  #count = 0;
  #scheduled = false;

  /** @param send receives the body of a frame and the number of messages in it, at least 1 */
  constructor(readonly send: (body: Uint8Array, count: number) => void) {}

  /**
   * @param length the size of the message in bytes
   * @param maxBytes the capacity of a frame in bytes; a single message must fit
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

  /** Makes room: exactly enough for a lone message, doubling for many. */
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
