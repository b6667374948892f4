/** Measures consecutive frames together, so that a log takes them over by one write. */

/** Consecutive frames of one log, and their sizes in bytes. */
export class FrameRun {
  /** All frames, one after the other. */
  readonly text: string;
  /** The size of all frames together. */
  readonly bytes: number;
  /** False where `text` has other bytes than its frames: one ends with half a character, and the next begins with the rest. */
  readonly isWhole: boolean;
  /** Undefined where each character takes one byte, so that the length of a frame is its size. */
  readonly #sizes: readonly number[] | undefined;

  constructor(readonly frames: readonly string[]) {
    this.text = frames.length === 1 ? (frames[0] as string) : frames.join('');
    const bytes = Buffer.byteLength(this.text);
    const sizes = bytes === this.text.length ? undefined : frames.map((frame) => Buffer.byteLength(frame));
    this.bytes = sizes?.reduce((sum, size) => sum + size, 0) ?? bytes;
    this.isWhole = this.bytes === bytes;
    this.#sizes = sizes;
  }

  /** Returns the size of one frame, counted from 0. */
  sizeOf(index: number): number {
    return this.#sizes?.[index] ?? (this.frames[index] as string).length;
  }
}
