/**
 * Decides whose items go first where many holders keep some under one limit: those of the holder that keeps most, so
 * that nobody who keeps more and more pushes out what others keep.
 */

/** The items of one holder, least recently used first, with the weight of each. */
interface Holding<Item> {
  readonly items: Map<Item, number>;
  weight: number;
  /** The index of its class; undefined before it has one. */
  rank: number | undefined;
}

/** This is enough for weights below 2 ** 62. */
const CLASSES = 64;

/**
 * Decides which of many holders gives an item up. Holders are sorted by powers of two of what they keep, so that each
 * step costs O(1) and "most" is exact within a factor of two. In the highest class the holder that has added last gives
 * first, so that what it takes comes out of its own share.
 *
 * @example
 * const kept = new FairEviction<string, Task>({ sparesLast: true });
 * kept.put('ann', task, task.size);
 * while (kept.weight > limit) forget(kept.first()); // which calls kept.delete(task)
 */
export class FairEviction<Holder, Item> {
  /** The weight of all items together. */
  weight = 0;
  #latest: Holding<Item> | undefined;
  readonly #ofHolder = new Map<Holder, Holding<Item>>();
  readonly #ofItem = new Map<Item, { readonly holder: Holder; readonly holding: Holding<Item> }>();
  readonly #classes = Array.from({ length: CLASSES }, () => new Set<Holding<Item>>());

  /**
   * @param options.sparesLast the only item of a holder goes only where nobody has two, the one put longest ago first:
   * for items that go as a whole
   */
  constructor(readonly options: { readonly sparesLast: boolean }) {}

  /** The number of items. */
  get size(): number {
    return this.#ofItem.size;
  }

  /** Adds the item, or gives it another weight. Either way it becomes the one that its holder has used last. */
  put(holder: Holder, item: Item, weight: number): void {
    let entry = this.#ofItem.get(item);
    if (entry === undefined) this.#ofItem.set(item, (entry = { holder, holding: this.#holdingOf(holder) }));
    const { holding } = entry;
    this.#weigh(holding, weight - (holding.items.get(item) ?? 0));
    holding.items.delete(item);
    holding.items.set(item, weight);
    this.#latest = holding;
    this.#leaveClass(holding);
    this.#classify(holding);
  }

  /** Gives a known item another weight, and leaves its place unchanged. */
  reweigh(item: Item, weight: number): void {
    const holding = this.#ofItem.get(item)?.holding;
    const before = holding?.items.get(item);
    if (holding === undefined || before === undefined) return;
    holding.items.set(item, weight);
    this.#weigh(holding, weight - before);
    this.#classify(holding);
  }

  /** Makes it the item that its holder has used last. */
  touch(item: Item): void {
    const items = this.#ofItem.get(item)?.holding.items;
    const weight = items?.get(item);
    if (items === undefined || weight === undefined) return;
    items.delete(item);
    items.set(item, weight);
  }

  delete(item: Item): void {
    const entry = this.#ofItem.get(item);
    if (entry === undefined) return;
    const { holder, holding } = entry;
    this.#ofItem.delete(item);
    this.#weigh(holding, -(holding.items.get(item) ?? 0));
    holding.items.delete(item);
    if (holding.items.size > 0) {
      this.#classify(holding);
    } else {
      this.#leaveClass(holding);
      this.#ofHolder.delete(holder);
    }
  }

  /** Returns the item that has to go first. */
  first(): Item | undefined {
    const rank = this.#classes.findLastIndex(({ size }) => size > 0);
    const highest = this.#classes[rank];
    if (highest === undefined) return undefined;
    const [oldest] = highest;
    // A holder of a single item (rank 0) is asked last, because it has only just come by it.
    const holding = rank > 0 && this.#latest !== undefined && highest.has(this.#latest) ? this.#latest : oldest;
    const [item] = holding?.items.keys() ?? [];
    return item;
  }

  #holdingOf(holder: Holder): Holding<Item> {
    let holding = this.#ofHolder.get(holder);
    if (holding === undefined) {
      holding = { items: new Map<Item, number>(), weight: 0, rank: undefined };
      this.#ofHolder.set(holder, holding);
    }
    return holding;
  }

  #weigh(holding: Holding<Item>, more: number): void {
    holding.weight += more;
    this.weight += more;
  }

  #classify(holding: Holding<Item>): void {
    const spared = this.options.sparesLast && holding.items.size === 1;
    const rank = spared ? 0 : 1 + Math.floor(Math.log2(Math.max(1, holding.weight)));
    if (rank === holding.rank) return;
    this.#leaveClass(holding);
    holding.rank = rank;
    this.#classes[rank]?.add(holding);
  }

  #leaveClass(holding: Holding<Item>): void {
    if (holding.rank !== undefined) this.#classes[holding.rank]?.delete(holding);
    holding.rank = undefined;
  }
}
