/** Counts the places that starts hold while their input is read. */

/**
 * Each slot that a start is for holds one place, however many starts read for it, because at most one task runs there.
 * Each start without a slot holds one of its own.
 */
export class ReadingPlaces {
  /** The number of starts that read for each place, by owner. A start without a slot is its own place. */
  readonly #ofOwner = new Map<string | undefined, Map<unknown, number>>();
  #size = 0;

  /** The number of places that are taken. */
  get size(): number {
    return this.#size;
  }

  /** The number of places that are taken for one owner. */
  of(owner: string | undefined): number {
    return this.#ofOwner.get(owner)?.size ?? 0;
  }

  /** Tells whether a start for this slot shares a place that is taken already. */
  has(owner: string | undefined, slot: string | undefined): boolean {
    return slot !== undefined && this.#ofOwner.get(owner)?.has(slot) === true;
  }

  /** Takes a place, or shares that of the slot. Returns the function that gives it back. */
  take(owner: string | undefined, slot: string | undefined): () => void {
    const place = slot ?? Symbol();
    const places = this.#ofOwner.get(owner) ?? new Map<unknown, number>();
    const others = places.get(place) ?? 0;
    this.#ofOwner.set(owner, places.set(place, others + 1));
    if (others === 0) this.#size++;
    return () => {
      const left = (places.get(place) ?? 0) - 1;
      if (left > 0) {
        places.set(place, left);
        return;
      }
      places.delete(place);
      this.#size--;
      if (places.size === 0) this.#ofOwner.delete(owner);
    };
  }
}
