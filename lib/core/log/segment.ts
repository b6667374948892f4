/** Keeps frames in one piece of memory, so that a reader gets the rest of it as one slice. */
import type { FrameRun } from './frame-run.js';
import { Pinnable } from './memory.js';

/**
 * Keeps a run of frames in one piece of memory. Frames grow from the front, and the 4-byte offsets of their ends from
 * the back, so that an event costs its bytes + 4 and the rest of a segment is one slice.
 */
export class Segment extends Pinnable {
  /** The number of frames that it holds. */
  count = 0;
  /** The size of these frames, in bytes. */
  used = 0;
  /** True once a reader has, or has had, a view of its bytes. */
  #read = false;
  readonly #bytes: Buffer;
  readonly #ends: Uint32Array;

  /** @param capacity bytes in all, a multiple of 4 */
  constructor(
    public firstSeq: number,
    capacity: number,
  ) {
    super(capacity);
    this.#bytes = Buffer.allocUnsafeSlow(capacity); // memory of its own, because a slice of Node's pool would keep the whole pool alive
    this.#ends = new Uint32Array(this.#bytes.buffer);
  }

  /** Returns the capacity that one frame of `byteLength` needs, in bytes. */
  static capacityFor(byteLength: number): number {
    return (byteLength + 7) & ~3;
  }

  get lastSeq(): number {
    return this.firstSeq + this.count - 1;
  }

  /** Adds `frame`. Returns its size in bytes, or 0 where it does not fit. */
  append(frame: string): number {
    const free = this.capacity - this.used - 4 * (this.count + 1);
    // UTF-8 takes at most 3 bytes per UTF-16 unit, so measure only where the frame could fail to fit.
    if (frame.length * 3 > free && Buffer.byteLength(frame) > free) return 0;
    const written = this.#bytes.write(frame, this.used);
    this.used += written;
    this.#ends[this.#ends.length - 1 - this.count++] = this.used;
    return written;
  }

  /** Adds all frames of `run` by one write. Returns false, and adds none, where that cannot be. */
  appendAll(run: FrameRun): boolean {
    const { frames, text, bytes } = run;
    if (!run.isWhole || bytes > this.capacity - this.used - 4 * (this.count + frames.length)) return false;
    this.#bytes.write(text, this.used);
    for (let i = 0; i < frames.length; i++) {
      this.used += run.sizeOf(i);
      this.#ends[this.#ends.length - 1 - this.count++] = this.used;
    }
    return true;
  }

  /**
   * Empties the segment for frames from `firstSeq` on. Returns false where a reader may still look at its bytes. Reuse
   * matters to a job that nobody watches: only garbage collection would free its old segments, and that comes late for
   * memory outside of the heap.
   */
  restart(firstSeq: number): boolean {
    if (this.#read) return false;
    this.firstSeq = firstSeq;
    this.count = this.used = 0;
    return true;
  }

  /** Forgets the frames after `lastSeq`. Their bytes stay as they are, for readers that still look at them. */
  truncate(lastSeq: number): void {
    this.used = this.#endOf(lastSeq);
    this.count = lastSeq - this.firstSeq + 1;
  }

  /** Returns the frames after `position` (at least `firstSeq - 1`) up to `to`, as a view of the shared bytes. */
  sliceAfter(position: number, to = this.lastSeq): Buffer {
    this.#read = true;
    return this.#bytes.subarray(this.#endOf(position), this.#endOf(to));
  }

  #endOf(seq: number): number {
    const frames = seq - this.firstSeq + 1;
    return frames === 0 ? 0 : (this.#ends[this.#ends.length - frames] as number);
  }
}

/** Returns the one of `segments`, which are in order, that holds the frame `seq`. */
export function segmentWith(seq: number, segments: readonly Segment[]): Segment {
  let low = 0;
  let high = segments.length - 1;
  if ((segments[high] as Segment).firstSeq <= seq) low = high; // most readers are at the end
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((segments[middle] as Segment).firstSeq <= seq) low = middle;
    else high = middle - 1;
  }
  return segments[low] as Segment;
}
