import { LENGTH_BYTES } from './frames.js';

/** A batch of this size goes at once; a smaller one with the turn of the event loop that began it. */
const FULL_BYTES = 32_768;

/**
 * Messages of one turn of the event loop, sent as one frame: the head of a NATS message costs more than a short
 * message does.
 */
export class Batch {
  #messages: Uint8Array[] = [];
  #bytes = 0;
  #scheduled = false;

  /** @param send gets what has gathered, in order, never nothing */
  constructor(readonly send: (messages: readonly Uint8Array[]) => void) {}

  /** @param maxBytes what a frame may carry; a single message must fit */
  add(message: Uint8Array, maxBytes: number): void {
    const size = message.length + LENGTH_BYTES;
    if (this.#bytes + size > maxBytes) this.flush();
    this.#messages.push(message);
    this.#bytes += size;
    if (this.#bytes >= FULL_BYTES) this.flush();
    else this.#schedule();
  }

  flush(): void {
    if (this.#messages.length === 0) return;
    const messages = this.#messages;
    this.clear();
    this.send(messages);
  }

  clear(): void {
    this.#messages = [];
    this.#bytes = 0;
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
