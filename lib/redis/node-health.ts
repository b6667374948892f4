import type { Clock } from '../core/clock.js';
import type { RedisPort } from './client-port.js';
import { slotOf } from './slot.js';

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
  #reconnectedMs = -Infinity;

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
    this.#stop?.();
    this.#stop = () => undefined;
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
    probe.answered.then(
      () => (answered = true),
      () => undefined,
    );
    const cancel = this.clock.after(this.timeoutMs, () => {
      probe.close();
      if (this.#overdue.get(slot) === overdue) {
        this.#overdue.delete(slot);
        if (answered) this.#reconnect();
        else this.#overdue.set(slot, overdue); // behind the others
      }
      this.#probe();
    });
    this.#stop = () => {
      cancel();
      probe.close();
    };
  }

  #reconnect(): void {
    const now = this.clock.now();
    if (now - this.#reconnectedMs < this.timeoutMs) return;
    this.#reconnectedMs = now;
    this.#overdue.clear();
    this.port.reconnect();
  }
}
