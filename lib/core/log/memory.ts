/**
 * Accounts for the memory of a process's logs: the events they keep, and those that connections still send after a log
 * has dropped them.
 */
import { callEach } from '../callbacks.js';
import { runOutsideContext } from '../async-context.js';

/** The part of a budget that dropped memory may take while connections still send it. */
const PINNED_SHARE = 1 / 4;

/** Accounts for memory. When it runs out, the budget frees some elsewhere; it never refuses. */
export interface MemoryBudget {
  reserve(bytes: number): void;
  release(bytes: number): void;
  /**
   * Takes a piece that is no longer kept. Its reservation has been released, so from now on it counts only while
   * connections send it.
   */
  dropped(piece: Pinnable): void;
}

/** A connection whose socket has not taken everything that was written to it. */
export interface Sender {
  /** Ends the connection, so that its memory is free. Its client reconnects and continues from its position. */
  cut(): void;
}

/** A piece of memory that is written to sockets without a copy. Node keeps it until the socket has taken all of it. */
export class Pinnable {
  #senders: Set<Sender> | undefined;
  /** The memory in which it counts as dropped; undefined while it does not. */
  #countedBy: Memory | undefined;

  /** @param capacity bytes */
  constructor(readonly capacity: number) {}

  /** The connections that still send from it. */
  get senders(): ReadonlySet<Sender> {
    return (this.#senders ??= new Set());
  }

  get isPinned(): boolean {
    return this.#senders !== undefined && this.#senders.size > 0;
  }

  /** Notes that the socket of `sender` is full while a part of this piece waits in it. */
  pin(sender: Sender): void {
    (this.#senders ??= new Set()).add(sender);
  }

  unpin(sender: Sender): void {
    this.#senders?.delete(sender);
    if (!this.isPinned) this.countIn(undefined);
  }

  /** Notes that the socket of a sender has taken some of it. */
  noteProgress(): void {
    this.countIn(this.#countedBy);
  }

  /** Counts it in `by`, as the piece with the latest progress. */
  countIn(by: Memory | undefined): void {
    this.#countedBy?.forget(this);
    this.#countedBy = by;
    by?.add(this);
  }
}

/**
 * Accounts for memory, and frees some when there is too much. A log that drops a segment frees nothing while a stalled
 * connection sends from it. Such segments stay accounted for, and where there are many, the connections whose sockets
 * have taken nothing for the longest time are cut.
 */
export class Memory implements MemoryBudget {
  #reserved = 0;
  #pinnedBytes = 0;
  /** Dropped pieces, those without progress for the longest time first. */
  readonly #pinned = new Set<Pinnable>();
  /** The connections to cut in the next turn. Cutting them now could end a task in the middle of an append. */
  #toCut: Sender[] = [];

  /** @param freeSome frees a part of what is reserved; false where there is nothing left to free */
  constructor(
    readonly maxBytes: number,
    readonly freeSome: () => boolean,
  ) {}

  /** The memory that is kept or still being sent, in bytes. */
  get bytes(): number {
    return this.#reserved + this.#pinnedBytes;
  }

  reserve(bytes: number): void {
    this.#reserved += bytes;
    while (this.bytes > this.maxBytes && this.freeSome());
  }

  release(bytes: number): void {
    this.#reserved -= bytes;
  }

  dropped(piece: Pinnable): void {
    if (!piece.isPinned) return;
    piece.countIn(this);
    for (const oldest of this.#pinned) {
      if (this.#pinnedBytes <= this.maxBytes * PINNED_SHARE) break;
      if (oldest !== piece) this.#cut(oldest); // a piece that is larger than the share would otherwise reach nobody
    }
  }

  add(piece: Pinnable): void {
    this.#pinned.add(piece);
    this.#pinnedBytes += piece.capacity;
  }

  forget(piece: Pinnable): void {
    if (this.#pinned.delete(piece)) this.#pinnedBytes -= piece.capacity;
  }

  #cut(piece: Pinnable): void {
    piece.countIn(undefined);
    if (this.#toCut.length === 0) runOutsideContext(Memory.#cutLater, this);
    this.#toCut.push(...piece.senders);
  }

  static #cutLater(this: void, memory: Memory): void {
    setImmediate(() => {
      const toCut = memory.#toCut;
      memory.#toCut = [];
      callEach('a stalled connection', toCut, cut);
    });
  }
}

/** Accounts for the memory of one holder that grows and shrinks, such as the texts of a task. */
export class Account {
  #bytes = 0;

  constructor(readonly budget: MemoryBudget) {}

  /** Sets the memory of the holder to `bytes`. */
  set(bytes: number): void {
    const more = bytes - this.#bytes;
    this.#bytes = bytes;
    if (more > 0) this.budget.reserve(more);
    else if (more < 0) this.budget.release(-more);
  }
}

const cut = (sender: Sender): void => {
  sender.cut();
};
