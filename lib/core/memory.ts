/** The memory of a process's logs: what they keep, and what connections still send after a log has dropped it. */
import { callEach } from './callbacks.js';
import { runInNoContext } from './no-context.js';

/** Dropped memory that connections have not sent yet may take this part of a budget. */
const PINNED_SHARE = 1 / 4;

/** Where memory is accounted for, and refused or found elsewhere when it runs out. */
export interface MemoryBudget {
  reserve(bytes: number): void;
  release(bytes: number): void;
  /** Nobody but those who still send it needs the piece any more; what was reserved for it is released. */
  dropped(piece: Pinnable): void;
}

/** A connection whose socket has not taken everything that was written to it. */
export interface Sender {
  /** Ends the connection, so that its memory is free; its client comes back and goes on from its position. */
  cut(): void;
}

/** A piece of memory that is written to sockets as it is. Node keeps it until the socket has taken all of it. */
export class Pinnable {
  #senders: Set<Sender> | undefined;
  /** Where it counts as memory that nobody but its senders needs. */
  #countedBy: Memory | undefined;

  /** @param capacity bytes */
  constructor(readonly capacity: number) {}

  /** Who still sends from it. */
  get senders(): ReadonlySet<Sender> {
    return (this.#senders ??= new Set());
  }

  get isPinned(): boolean {
    return this.#senders !== undefined && this.#senders.size > 0;
  }

  /** The socket of `sender` is full, and a part of this waits in it. */
  pin(sender: Sender): void {
    (this.#senders ??= new Set()).add(sender);
  }

  unpin(sender: Sender): void {
    this.#senders?.delete(sender);
    if (!this.isPinned) this.countIn(undefined);
  }

  /** The socket of a sender has taken some of it. */
  noteProgress(): void {
    this.countIn(this.#countedBy);
  }

  /** Lets it count in `by`, as the piece with the latest progress. */
  countIn(by: Memory | undefined): void {
    this.#countedBy?.forget(this);
    this.#countedBy = by;
    by?.add(this);
  }
}

/**
 * Accounts for memory, and has some freed when there is too much. A log that drops a segment frees nothing as long as a
 * stalled connection sends from it: such segments stay accounted for, and where they are many, the connections whose
 * sockets have taken nothing for the longest time are cut.
 */
export class Memory implements MemoryBudget {
  #reserved = 0;
  #pinnedBytes = 0;
  /** Those without progress for the longest time first. */
  readonly #pinned = new Set<Pinnable>();
  /** What has to be cut in the next turn; cutting now could end a task in the middle of an append. */
  #doomed: Sender[] = [];

  /** @param freeSome frees a part of what is reserved; false where there is nothing left to free */
  constructor(
    readonly maxBytes: number,
    readonly freeSome: () => boolean,
  ) {}

  /** What is kept and what is sent. */
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
      if (oldest !== piece) this.#cut(oldest); // or a piece that is larger than the share would reach nobody
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
    if (this.#doomed.length === 0) runInNoContext(Memory.#cutLater, this);
    this.#doomed.push(...piece.senders);
  }

  static #cutLater(this: void, memory: Memory): void {
    setImmediate(() => {
      const doomed = memory.#doomed;
      memory.#doomed = [];
      callEach('a stalled connection', doomed, cut);
    });
  }
}

/** Memory of one holder that grows and shrinks, such as that of a task's texts. */
export class Account {
  #bytes = 0;

  constructor(readonly budget: MemoryBudget) {}

  /** From now on it takes `bytes`. */
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
