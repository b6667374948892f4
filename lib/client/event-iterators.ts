/** Lets any number of `for await` loops iterate over one stream, and tells the slowest of them. */

/** An event, a mark of the place after it, and the promise of what follows. */
interface Link<T> {
  readonly event: T;
  readonly mark: string;
  readonly next: Promise<Link<T> | undefined>;
}

/** The place that one loop has reached. */
interface Iterator {
  mark: string;
  /** The number of events that it has handled, or was too late for. */
  count: number;
}

export interface EventIterators<T> {
  /** Gives an event to all loops; `mark` names the place after it. */
  readonly push: (event: T, mark: string) => void;
  /** No more will come: loops end, or throw `error`, after the events that are there. */
  readonly end: (error: Error | undefined) => void;
  /** The mark of the place up to which every loop has handled everything. */
  readonly handled: () => string;
  /** Resolves once no loop is far behind; undefined where none is. */
  readonly caughtUp: () => Promise<void> | undefined;
  readonly iterate: () => AsyncGenerator<T, undefined>;
}

/** How many events a loop may be behind when more is read. */
const MAX_PENDING = 16;

/**
 * The events form a chain of promises, of which each loop holds one end: there is no list, and what all loops have passed
 * is garbage. `onHandled` is called when a loop has handled an event, and when it is left.
 */
export function createEventIterators<T>(start: string, onHandled: () => void): EventIterators<T> {
  const iterators = new Set<Iterator>();
  let last = start;
  let count = 0;
  let resolve: (link: Link<T> | undefined) => void;
  let failure: Error | undefined;
  let release: (() => void) | undefined;
  const slowest = (): Iterator => [...iterators].sort((a, b) => a.count - b.count)[0] ?? { mark: last, count };
  const isBehind = (): boolean => count - slowest().count > MAX_PENDING;
  const handled = (): void => {
    onHandled();
    if (!isBehind()) release?.();
  };
  const chain = (): Link<T>['next'] => new Promise((settle) => (resolve = settle));
  let tail = chain();

  return {
    handled: () => slowest().mark,
    caughtUp: () => (isBehind() ? new Promise((settle) => (release = settle)) : undefined),
    push(event, mark) {
      const deliver = resolve;
      tail = chain();
      count++;
      last = mark;
      deliver({ event, mark, next: tail });
    },
    end(error) {
      failure = error;
      resolve(undefined);
      release?.();
    },
    async *iterate() {
      const own: Iterator = { mark: last, count };
      let next = tail;
      iterators.add(own);
      try {
        for (;;) {
          const link = await next;
          if (failure && !link) throw failure;
          if (!link) return undefined;
          yield link.event;
          // The loop asks for the next event, so it has handled this one.
          ({ mark: own.mark, next } = link);
          own.count++;
          handled();
        }
      } finally {
        iterators.delete(own);
        handled();
      }
    },
  };
}
