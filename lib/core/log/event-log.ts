/** The append-only log of one task: its events as encoded frames, kept in segments of memory. */
import { Epochs } from './epochs.js';
import { Followers, type Follower } from './followers.js';
import type { FrameRun } from './frame-run.js';
import type { MemoryBudget, Pinnable } from './memory.js';
import { Segment, segmentWith } from './segment.js';

const FIRST_SEGMENT_BYTES = 1_024;
const MAX_SEGMENT_BYTES = 65_536;
/** Eight segments make up a full log. It is trimmed by whole segments, so at least 7/8 of its budget is always kept. */
const SEGMENTS_PER_LOG = 8;

/** Limits how much one log keeps. */
export interface LogLimits {
  readonly maxEvents: number;
  /** Must be at least the size of the largest frame + 8. */
  readonly maxBytes: number;
}

/** Consecutive encoded frames, shared by every reader at `from`; the first has seq `from + 1`, the last `to`. */
export interface Slice {
  readonly kind: 'frames';
  readonly from: number;
  readonly to: number;
  readonly bytes: Buffer;
  /** The memory that `bytes` is a view of; absent where it has memory of its own. */
  readonly memory?: Pinnable;
}

/**
 * Holds the encoded frames of one task, with seq 1, 2, 3… without a hole. No other buffer exists: a reader brings a
 * position, which is the seq of the last frame it has, and keeps nothing else.
 */
export class EventLog {
  #ended = false;
  #discarded = false;
  #lastSeq = 0;
  #capacity = 0;
  #wireBytes = 0;
  #segmentBytes = FIRST_SEGMENT_BYTES;
  #slice: Slice | undefined;
  /**
   * True when frames between the last and the next one are missing or were taken back, so that the next one needs a new
   * segment.
   */
  #broken = false;
  #hasHoles = false;
  readonly #segments: Segment[] = [];
  readonly #followers = new Followers();
  readonly epochs = new Epochs();

  /** @param lastSeq where it starts: a copy of a log whose oldest frames are gone already begins after them */
  constructor(
    readonly limits: LogLimits,
    readonly budget: MemoryBudget,
    lastSeq = 0,
  ) {
    this.#lastSeq = lastSeq;
  }

  get lastSeq(): number {
    return this.#lastSeq;
  }

  /** The seq of the oldest frame that is kept, or `lastSeq + 1` where none is. */
  get firstSeq(): number {
    return this.#segments[0]?.firstSeq ?? this.#lastSeq + 1;
  }

  get events(): number {
    return this.#lastSeq + 1 - this.firstSeq;
  }

  /** The size of the kept frames as they go over the wire, in bytes. */
  get wireBytes(): number {
    return this.#wireBytes;
  }

  /** The memory that frames and index take, in bytes. Budgets count this. */
  get capacity(): number {
    return this.#capacity;
  }

  /** The number of segments. The last one holds the newest event. */
  get segments(): number {
    return this.#segments.length;
  }

  /** True once the last frame has been appended. */
  get ended(): boolean {
    return this.#ended;
  }

  /** True once the retention is over: unread frames are gone, the terminal event included. */
  get discarded(): boolean {
    return this.#discarded;
  }

  /** Appends one frame and wakes the followers once, after everything that this tick appends. */
  append(frame: string): void {
    const dropped = this.events >= this.limits.maxEvents ? this.#dropOldest() : undefined;
    const last = this.#segments.at(-1);
    const full = last === undefined || this.#broken || last.count >= this.limits.maxEvents / SEGMENTS_PER_LOG;
    const written = (full ? 0 : last.append(frame)) || this.#addSegment(frame, !full, dropped).append(frame);
    this.#grown(1, written); // only now: a new segment may have cost an old one
  }

  /** Appends the frames of `run` from the one with that index on; all of them at once where the last segment has room. */
  appendFrom(index: number, run: FrameRun): void {
    const { frames, bytes } = run;
    const { maxEvents } = this.limits;
    const last = this.#broken ? undefined : this.#segments.at(-1);
    const isFull = this.events + frames.length > maxEvents;
    const isCut = last === undefined || last.count + frames.length > maxEvents / SEGMENTS_PER_LOG;
    if (index === 0 && !isFull && !isCut && last.appendAll(run)) this.#grown(frames.length, bytes);
    else for (let i = index; i < frames.length; i++) this.append(frames[i] as string);
  }

  #grown(events: number, bytes: number): void {
    this.#wireBytes += bytes;
    this.#lastSeq += events;
    this.#broken = false;
    this.#slice = undefined;
    this.#followers.wakeAll();
  }

  /** Closes the log: its last frame stays the last. */
  end(): void {
    this.#ended = true;
    this.#followers.wakeAll();
  }

  /**
   * Returns the frames after `position` up to `limit` or the end of their segment, or undefined where there are none
   * yet. A position before `firstSeq - 1` has lost frames; its reader has to be told so and continues at `firstSeq`.
   */
  readAfter(position: number, limit = this.#lastSeq): Slice | undefined {
    if (position >= limit) return undefined;
    const shared = this.#slice;
    if (shared?.from === position && shared.to <= limit) return shared;
    const segment = segmentWith(position + 1, this.#segments);
    const to = Math.min(segment.lastSeq, limit);
    const slice: Slice = {
      kind: 'frames',
      from: position,
      to,
      bytes: segment.sliceAfter(position, to),
      memory: segment,
    };
    if (to === segment.lastSeq) this.#slice = slice; // a slice that was cut short serves no other reader
    return slice;
  }

  /** Forgets the oldest segment. Returns the bytes of memory that this frees, or 0 where nothing is kept. */
  dropOldestSegment(): number {
    return this.#dropOldest()?.capacity ?? 0;
  }

  /** Forgets every frame and tells the followers. */
  discard(): void {
    while (this.dropOldestSegment() > 0);
    this.#discarded = true;
    this.#followers.wakeAll();
  }

  /** Continues after `lastSeq`. The frames in between are lost, and readers that have not had them get a `gap`. */
  skipTo(lastSeq: number): void {
    this.#hasHoles ||= this.#segments.length > 0;
    this.#broken = true;
    this.#lastSeq = lastSeq;
    this.#followers.wakeAll();
  }

  /** Takes back the frames after `lastSeq`, because the log that this is a copy of has lost them. */
  rewindTo(lastSeq: number): void {
    if (lastSeq >= this.#lastSeq) return;
    for (
      let last = this.#segments.at(-1);
      last !== undefined && last.firstSeq > lastSeq;
      last = this.#segments.at(-1)
    ) {
      this.#drop(this.#segments.pop());
    }
    const last = this.#segments.at(-1);
    if (last !== undefined && last.lastSeq > lastSeq) {
      const { used } = last;
      last.truncate(lastSeq);
      this.#wireBytes -= used - last.used;
    }
    this.#slice = undefined;
    this.#broken = true;
    this.#lastSeq = lastSeq;
    this.epochs.forgetFrom(lastSeq + 1);
    this.#followers.wakeAll();
  }

  /** Returns the seq of the first kept frame after `position`, or the seq of the next append where there is none. */
  nextAfter(position: number): number {
    if (position + 1 < this.firstSeq) return this.firstSeq;
    if (!this.#hasHoles || position >= this.#lastSeq) return position + 1;
    for (const { firstSeq, lastSeq } of this.#segments) if (lastSeq > position) return Math.max(firstSeq, position + 1);
    return this.#lastSeq + 1;
  }

  follow(follower: Follower): void {
    this.#followers.add(follower);
  }

  unfollow(follower: Follower): void {
    this.#followers.delete(follower);
  }

  /**
   * Adds a segment with room for `frame`. Where the log's own budget is used up, its oldest segments go, and the memory
   * of the last of them is used again. Segments grow only while they run out of bytes: one that is full of events needs
   * no larger successor.
   */
  #addSegment(frame: string, grow: boolean, dropped: Segment | undefined): Segment {
    const { maxBytes } = this.limits;
    const largest = Math.min(MAX_SEGMENT_BYTES, Math.max(FIRST_SEGMENT_BYTES, (maxBytes / SEGMENTS_PER_LOG) & ~3));
    if (grow) this.#segmentBytes *= 2;
    const usual = (this.#segmentBytes = Math.min(this.#segmentBytes, largest));
    const capacity = Math.max(usual, Segment.capacityFor(Buffer.byteLength(frame)));
    let spare = dropped;
    while (this.#capacity + capacity > maxBytes && this.#segments.length > 0) spare = this.#dropOldest();
    this.budget.reserve(capacity);
    const firstSeq = this.#lastSeq + 1;
    const reused = spare?.capacity === capacity && spare.restart(firstSeq);
    const segment = reused ? (spare as Segment) : new Segment(firstSeq, capacity);
    this.#segments.push(segment);
    this.#capacity += capacity;
    return segment;
  }

  #dropOldest(): Segment | undefined {
    return this.#drop(this.#segments.shift());
  }

  #drop(segment: Segment | undefined): Segment | undefined {
    if (segment === undefined) return undefined;
    this.#slice = undefined;
    this.#wireBytes -= segment.used;
    this.#capacity -= segment.capacity;
    this.budget.release(segment.capacity);
    this.budget.dropped(segment);
    return segment;
  }
}
