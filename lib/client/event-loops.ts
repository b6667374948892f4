/** An event, the position after it, and the promise of what follows. */
interface Link<T> {
  readonly event: T;
  readonly at: number;
  readonly next: Promise<Link<T> | undefined>;
}

/** The `for await` loops over one stream. */
export interface EventLoops<T> {
  readonly push: (event: T, at: number) => void;
  /** No more will come: loops end, or throw `error`, after what is there. */
  readonly end: (error: Error | undefined) => void;
  /** The position up to which every loop has handled everything. */
  readonly handled: () => number;
  readonly iterate: () => AsyncGenerator<T, undefined>;
}

/**
 * The events form a chain of promises, of which each loop holds one end: nobody keeps a list, and what all loops have
 * passed is garbage. `onHandled` is called when a loop has handled an event, and when it is left.
 */
export function createEventLoops<T>(position: number, onHandled: () => void): EventLoops<T> {
  const loops = new Set<{ at: number }>();
  let last = position;
  let resolve: (link: Link<T> | undefined) => void;
  let reject: (error: Error) => void;
  const chain = (): Link<T>['next'] => new Promise((...settle) => ([resolve, reject] = settle));
  let tail = chain();

  return {
    handled: () => Math.min(last, ...[...loops].map(({ at }) => at)),
    push(event, at) {
      const deliver = resolve;
      tail = chain();
      deliver({ event, at, next: tail });
      last = at;
    },
    end(error) {
      tail.catch(() => undefined); // there may be no loop
      if (error) reject(error);
      else resolve(undefined);
    },
    async *iterate() {
      const loop = { at: last };
      let next = tail;
      loops.add(loop);
      try {
        for (;;) {
          const link = await next;
          if (!link) return undefined;
          yield link.event;
          // It was handled: the loop asks for the next.
          ({ at: loop.at, next } = link);
          onHandled();
        }
      } finally {
        loops.delete(loop);
        onHandled();
      }
    },
  };
}
