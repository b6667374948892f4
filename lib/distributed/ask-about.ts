/** Asks about many things at once, without letting one that cannot be told of hide the others. */

/** Wraps the answer about one thing, which may be undefined itself; it is undefined where nobody has answered. */
export type Answered<R> = { readonly answer: R } | undefined;

/**
 * Asks about all items in one call. Where that fails, it asks about each by itself, because one node of a store may be away
 * while the others answer. Rejects where nothing can be told of any item.
 */
export async function askAbout<T, R>(
  items: readonly T[],
  ask: (some: readonly T[]) => Promise<readonly R[]>,
): Promise<readonly Answered<R>[]> {
  try {
    return (await ask(items)).map((answer) => ({ answer }));
  } catch (error) {
    const single = await Promise.allSettled(items.map((item) => ask([item])));
    if (single.every(({ status }) => status === 'rejected')) throw error;
    return single.map((each) => (each.status === 'fulfilled' ? { answer: each.value[0] as R } : undefined));
  }
}
