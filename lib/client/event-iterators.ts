/** Lets any number of `for await` loops iterate over one stream, and tells the slowest of them. */

/** A place in the stream, and the promise of the event that follows it. */
interface Place<T> {
  /** The name of the place. */
  readonly mark: string;
  /** The number of events before it. */
  readonly count: number;
  readonly next: Promise<Arrival<T> | undefined>;
}

/** An event, and the place after it. */
interface Arrival<T> extends Place<T> {
  readonly event: T;
}

/** Feeds the loops over one stream and follows how far they are. */
export interface EventIterators<T> {
  /** Gives an event to all loops; `mark` names the place after it. */
  readonly push: (event: T, mark: string) => void;
  /** Ends all loops after the events that are there; they throw `error` if there is one. */
  readonly end: (error: Error | undefined) => void;
  /** The mark of the place up to which every loop has handled everything. */
  readonly handled: () => string;
  /** Resolves once no loop is far behind; undefined if none is. */
  readonly caughtUp: () => Promise<void> | undefined;
  /** Starts a loop, which gets the events that are pushed from its first `next()` on. */
  readonly iterate: () => AsyncGenerator<T, undefined>;
}

/** The number of events that a loop may be behind before reading stops. */
const MAX_PENDING = 16;

/**
 * The events form a chain of promises, of which each loop holds one end: there is no list, and what all loops have passed
 * is garbage. `onHandled` is called when a loop has handled an event, and when it is left.
 */
export function createEventIterators<T>(start: string, onHandled: () => void): EventIterators<T> {
  const loops = new Set<{ reached: Place<T> }>();
  let resolve: (arrival: Arrival<T> | undefined) => void;
  let failure: Error | undefined;
  let release: (() => void) | undefined;
  const chain = (): Place<T>['next'] => new Promise((settle) => (resolve = settle));
  let last: Place<T> = { mark: start, count: 0, next: chain() };
  const slowest = (): Place<T> =>
    [...loops].reduce((least, { reached }) => (reached.count < least.count ? reached : least), last);
  const isBehind = (): boolean => last.count - slowest().count > MAX_PENDING;
  const handled = (): void => {
    onHandled();
    if (!isBehind()) release?.();
  };

  return {
    handled: () => slowest().mark,
    caughtUp: () => (isBehind() ? new Promise((settle) => (release = settle)) : undefined),
    push(event, mark) {
      const deliver = resolve;
      const arrival: Arrival<T> = { event, mark, count: last.count + 1, next: chain() };
      last = arrival;
      deliver(arrival);
    },
    end(error) {
      failure = error;
      resolve(undefined);
      release?.();
    },
    async *iterate() {
      const loop = { reached: last };
      loops.add(loop);
      try {
        for (let arrival = await last.next; arrival; arrival = await arrival.next) {
          yield arrival.event;
          // The loop asks for the next event, so it has handled this one.
          loop.reached = arrival;
          handled();
        }
        if (failure) throw failure;
        return undefined;
      } finally {
        loops.delete(loop);
        handled();
      }
    },
  };
}
