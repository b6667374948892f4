/** Knows which Redis nodes answer, and leaves those that hang. */
import type { Clock } from '../../core/clock.js';
import type { RedisPort } from './client-port.js';
import { slotOf } from './slot.js';

/** A probe may take so many times as long as a command. */
const PATIENCE = 8;
/** The time that a client may take to connect again before it has to begin anew, in ms. */
const MAX_PATIENCE_MS = 10_000;

/**
 * Knows which nodes take commands and answer none, and gets the client away from them. On a cluster a node is judged by
 * each hash slot on its own, since only the client knows which slots it has. A slot is overdue from its first command
 * without an answer until one of those is answered; then it is probed, on a connection of its own. If that gets an answer
 * although the client's connection does not, there is another node by now, and the client is told to connect again.
 */
export class NodeHealth<T> {
  /** By slot: what was given to the client and not answered in time, nor since. */
  readonly #overdue = new Map<number, { readonly key: string; readonly sent: Set<T> }>();
  #stop: (() => void) | undefined;
  /** Set while the client connects again, and for a moment after that. */
  #stopReconnecting: (() => void) | undefined;
  #isClosed = false;

  constructor(
    readonly port: RedisPort,
    readonly clock: Clock,
    readonly timeoutMs: number,
  ) {}

  isOverdue(key: string): boolean {
    return this.#overdue.size > 0 && this.#overdue.has(this.#slotOf(key));
  }

  missed(key: string, sent: T): void {
    const slot = this.#slotOf(key);
    const overdue = this.#overdue.get(slot) ?? { key, sent: new Set<T>() };
    this.#overdue.set(slot, overdue);
    overdue.sent.add(sent);
    if (this.#stop === undefined) this.#probe();
  }

  answered(key: string, sent: T): void {
    if (this.#overdue.size === 0) return;
    const slot = this.#slotOf(key);
    if (this.#overdue.get(slot)?.sent.delete(sent)) this.#overdue.delete(slot);
  }

  /** The client still talks to a master that is none any more; a cluster's client finds out by itself. */
  demoted(): void {
    if (!this.port.cluster) this.#reconnect();
  }

  close(): void {
    this.#isClosed = true;
    this.#stop?.();
    this.#stop = () => undefined;
    this.#stopReconnecting?.();
  }

  #slotOf(key: string): number {
    return this.port.cluster ? slotOf(key) : 0;
  }

  /** One slot at a time, in turn, until none is overdue. */
  #probe(): void {
    const [first] = this.#overdue;
    if (first === undefined) {
      this.#stop = undefined;
      return;
    }
    const [slot, overdue] = first;
    const probe = this.port.probe(overdue.key);
    let answered = false;
    let isDue = false;
    const conclude = (): void => {
      this.#stop?.();
      if (this.#overdue.get(slot) === overdue) {
        this.#overdue.delete(slot);
        if (answered) this.#reconnect();
        else this.#overdue.set(slot, overdue); // behind the others
      }
      this.#probe();
    };
    probe.answered.then(
      () => {
        answered = true;
        if (isDue && this.#stop === stop) conclude();
      },
      () => undefined,
    );
    // The client's own connection has its time to answer as well; a busy machine may need more of it for a new one.
    const cancelDue = this.clock.after(this.timeoutMs, () => {
      isDue = true;
      if (answered) conclude();
    });
    const cancelLast = this.clock.after(PATIENCE * this.timeoutMs, conclude);
    const stop = (): void => {
      cancelDue();
      cancelLast();
      probe.close();
    };
    this.#stop = stop;
  }

  /** Has the client connect again; once more, later each time, where that hangs as well: it may have asked the very node that does. */
  #reconnect(patienceMs = 2 * this.timeoutMs): void {
    if (this.#stopReconnecting !== undefined || this.#isClosed) return;
    this.#overdue.clear();
    let isConnected = false;
    this.#stopReconnecting = this.clock.after(patienceMs, () => {
      this.#stopReconnecting = undefined;
      if (!isConnected) this.#reconnect(Math.min(2 * patienceMs, MAX_PATIENCE_MS));
    });
    this.port.reconnect().then(
      () => {
        isConnected = true;
      },
      () => undefined,
    );
  }
}
