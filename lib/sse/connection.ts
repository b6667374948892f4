/** Connects a log to a response. Events reach a client by no other path. */
import type { Follower } from '../core/log/followers.js';
import { Pinnable, type MemoryBudget, type Sender } from '../core/log/memory.js';
import type { Gap } from '../core/log/gap.js';
import type { Item } from '../core/log/subscription.js';
import { COPIED_BYTES } from './chunks.js';
import { encodeRetry } from './frame.js';
import type { LogEncoder } from './log-encoder.js';
import { GuardedResponse, type ResponseOwner, type StreamResponse, type Taken } from './guarded-response.js';
import type { HeartbeatTarget, Heartbeat } from './heartbeat.js';

export type { StreamResponse } from './guarded-response.js';

/** The origin of a connection's events: a position in a log, or in several. */
export interface Source {
  read(): Item | Gap<string> | undefined;
  readonly finished: boolean;
  readonly discarded: boolean;
  /** Accounts for items that were read while the socket has not taken them. */
  readonly budget: MemoryBudget;
  close(): void;
}

/**
 * Writes the items of its source while the response takes them, then sleeps until the log grows or the response drains.
 * Nothing is queued here: while the response is full, the position just stays.
 */
export class Connection implements Follower, HeartbeatTarget, ResponseOwner, Sender {
  readonly #res: GuardedResponse;
  #source: Source | undefined;
  #blocked = false;
  #ended = false;
  #isCut = false;
  /**
   * Ticks of the heartbeat: the one at which it is too old, and the one at which it last wrote or could have written.
   */
  readonly #maxAgeTick: number;
  #lastTick: number;
  /** The progress of the full response at the last tick. */
  #bytesTaken = 0;
  /** The piece that the full socket has not taken yet, unless it is a small copy. */
  #pinned: Pinnable | undefined;
  #onClosed: (() => void) | undefined;

  constructor(
    res: StreamResponse,
    readonly encoder: LogEncoder,
    readonly heartbeat: Heartbeat,
  ) {
    this.#res = new GuardedResponse(res, this, heartbeat.chunks);
    this.#lastTick = heartbeat.ticks;
    this.#maxAgeTick = heartbeat.ticks + heartbeat.nextAgeTicks();
    heartbeat.add(this);
  }

  /** True where the response was ended before its time, or has failed. */
  get isCut(): boolean {
    return this.#isCut;
  }

  /** Resolves when the response is over, for any reason. */
  async closed(): Promise<void> {
    if (this.#source !== undefined) await new Promise<void>((resolve) => (this.#onClosed = resolve));
  }

  /** Writes `prelude`, then everything that the source has, then everything that follows. */
  open(prelude: string, source: Source): void {
    this.#source = source;
    this.#took(this.#res.begin(prelude));
    this.wake();
  }

  wake(): void {
    const source = this.#source;
    if (source === undefined) return;
    // It is read once, because it is slow on Express and nothing below changes it. An item that cannot be written is
    // not read.
    const over = this.#over;
    while (!over && !this.#blocked && !this.#ended) {
      const item = source.read();
      if (item === undefined) break;
      const frames = encodeItem(item, this.encoder);
      const taken = this.#write(frames);
      if (taken === 'full' && frames.length > COPIED_BYTES) this.#pin(source, item, frames.length);
    }
    if (source.finished) this.#end();
    else if (source.discarded) this.cut(); // the response must not end cleanly without a terminal event: the client finds out by asking again
  }

  /** Handles one tick of the shared timer. */
  beat(): void {
    const { heartbeat } = this;
    if (this.#isCut) {
      this.close(); // responses of other platforms emit no `close`, or not for everything that ends them
      return;
    }
    if (this.#blocked) this.#noteProgress();
    const idleTicks = heartbeat.ticks - this.#lastTick;
    if (this.#blocked || this.#over) {
      if (idleTicks >= heartbeat.stallTicks) this.cut();
      if (this.#over) return;
    }
    if (heartbeat.ticks >= this.#maxAgeTick) {
      this.sendAway(); // a slow line first takes what it was given
    } else if (!this.#blocked && idleTicks >= heartbeat.silenceTicks) {
      this.#write(heartbeat.beat);
    }
  }

  /** Ends the response before its task has ended. The client reconnects after a delay of its own and continues. */
  sendAway(): void {
    this.wake();
    if (!this.#over) this.#write(`${encodeRetry(this.heartbeat.nextRetryMs())}\n`);
    this.#end();
  }

  drained(): void {
    this.#blocked = false;
    this.#unpin();
    this.#lastTick = this.heartbeat.ticks;
    this.wake();
  }

  cut(): void {
    this.#ended = true;
    this.#isCut = true;
    this.#unpin();
    this.#res.destroy();
  }

  /** Handles the end of the response. */
  close(): void {
    this.heartbeat.delete(this);
    this.#ended = true;
    this.#unpin();
    this.#source?.close();
    this.#source = undefined;
    this.#onClosed?.();
  }

  /**
   * Counts as progress whatever a slow line takes, because one large write may take it longer than a stall may last.
   */
  #noteProgress(): void {
    const { bytesTaken } = this.#res;
    if (bytesTaken !== this.#bytesTaken) {
      this.#lastTick = this.heartbeat.ticks;
      this.#pinned?.noteProgress();
    }
    this.#bytesTaken = bytesTaken;
  }

  #write(frames: string | Buffer): Taken {
    this.#lastTick = this.heartbeat.ticks;
    return this.#took(this.#res.write(frames));
  }

  /** Notes how a write went. A response that has thrown is cut, without affecting the others that are woken with it. */
  #took(taken: Taken): Taken {
    this.#blocked = taken !== 'all';
    if (taken === 'full') this.#bytesTaken = this.#res.bytesTaken;
    else if (taken === 'failed') this.cut();
    return taken;
  }

  /** Memory that is sent stays accounted for, also where nobody else needs it any more. */
  #pin({ budget }: Source, item: Item | Gap<string>, bytes: number): void {
    const shared = item.kind === 'frames' ? item.memory : undefined;
    this.#pinned = shared ?? new Pinnable(bytes);
    this.#pinned.pin(this);
    if (shared === undefined) budget.dropped(this.#pinned); // there is no log that needs it
  }

  #unpin(): void {
    this.#pinned?.unpin(this);
    this.#pinned = undefined;
  }

  get #over(): boolean {
    return this.#ended || this.#res.isOver;
  }

  #end(): void {
    if (this.#over) return;
    this.#ended = true;
    if (this.#res.end() === 'failed') this.cut();
  }
}

/** Returns the bytes of one item. Frames from the log are already encoded. */
export const encodeItem = (item: Item | Gap<string>, encoder: LogEncoder): string | Buffer =>
  item.kind === 'frames' ? item.bytes : encoder.encode(item);
