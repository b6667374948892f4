import { Pinnable } from './memory.js';

/**
 * A run of frames in one piece of memory: frames grow from the front, the offsets where they end (4 bytes each)
 * from the back, so that an event costs its bytes + 4 and a reader's rest of the segment is one slice.
 */
export class Segment extends Pinnable {
  /** How many frames it holds. */
  count = 0;
  /** How many bytes they take. */
  used = 0;
  /** Somebody has, or has had, a view of its bytes. */
  #read = false;
  readonly #bytes: Buffer;
  readonly #ends: Uint32Array;

  /** @param capacity bytes in all, a multiple of 4 */
  constructor(
    public firstSeq: number,
    capacity: number,
  ) {
    super(capacity);
    this.#bytes = Buffer.allocUnsafeSlow(capacity); // its own memory: a slice of Node's pool would keep the pool alive
    this.#ends = new Uint32Array(this.#bytes.buffer);
  }

  /** The capacity that one frame of `byteLength` needs. */
  static capacityFor(byteLength: number): number {
    return (byteLength + 7) & ~3;
  }

  get lastSeq(): number {
    return this.firstSeq + this.count - 1;
  }

  /** Adds `frame` and returns its bytes, or 0 where it does not fit. */
  append(frame: string): number {
    const free = this.capacity - this.used - 4 * (this.count + 1);
    // UTF-8 takes at most 3 bytes per UTF-16 unit: measure only where it could fail to fit.
    if (frame.length * 3 > free && Buffer.byteLength(frame) > free) return 0;
    const written = this.#bytes.write(frame, this.used);
    this.used += written;
    this.#ends[this.#ends.length - 1 - this.count++] = this.used;
    return written;
  }

  /**
   * Empties it for frames from `firstSeq` on; false where somebody may still be looking at its bytes. Nothing but
   * garbage collection would give them back to a job that nobody watches, and that comes late for memory outside of the
   * heap.
   */
  restart(firstSeq: number): boolean {
    if (this.#read) return false;
    this.firstSeq = firstSeq;
    this.count = this.used = 0;
    return true;
  }

  /** Forgets the frames after `lastSeq`. Their bytes stay as they are, for whoever still looks at them. */
  truncate(lastSeq: number): void {
    this.used = this.#endOf(lastSeq);
    this.count = lastSeq - this.firstSeq + 1;
  }

  /** The frames after `position`, which is at least `firstSeq - 1`, up to `to`, as a view of the shared bytes. */
  sliceAfter(position: number, to = this.lastSeq): Buffer {
    this.#read = true;
    return this.#bytes.subarray(this.#endOf(position), this.#endOf(to));
  }

  #endOf(seq: number): number {
    const frames = seq - this.firstSeq + 1;
    return frames === 0 ? 0 : (this.#ends[this.#ends.length - frames] as number);
  }
}
