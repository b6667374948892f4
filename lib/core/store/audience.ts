/** Counts the subscribers of one task, and keeps the positions at which those with an id left off. */

/** The number of departed subscribers whose positions are kept, per task. */
const MAX_DEPARTED = 1_000;

export class Audience {
  /** The number of subscribers that are attached now. */
  size = 0;
  /** The number of connections by subscriber. Most tasks have subscribers without ids, and so no maps. */
  #attached: Map<string, number> | undefined;
  /** Positions, longest departed first. */
  #departed: Map<string, number> | undefined;

  join(subscriberId: string | undefined): void {
    this.size++;
    if (subscriberId === undefined) return;
    this.#attached ??= new Map();
    this.#attached.set(subscriberId, (this.#attached.get(subscriberId) ?? 0) + 1);
  }

  leave(subscriberId: string | undefined, position: number): void {
    this.size--;
    if (subscriberId === undefined) return;
    const others = (this.#attached?.get(subscriberId) ?? 1) - 1;
    if (others > 0) this.#attached?.set(subscriberId, others);
    else this.#attached?.delete(subscriberId);
    this.#departed ??= new Map();
    this.#departed.delete(subscriberId);
    this.#departed.set(subscriberId, position);
    const [longest] = this.#departed.keys();
    if (this.#departed.size > MAX_DEPARTED && longest !== undefined) this.#departed.delete(longest);
  }

  /** Returns the position at which a subscriber left off, provided that it is not attached now. */
  departedAt(subscriberId: string): number | undefined {
    return this.#attached?.has(subscriberId) ? undefined : this.#departed?.get(subscriberId);
  }
}
