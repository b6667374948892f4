import type { Clock } from './clock.js';
import { Deadlines } from './deadlines.js';
import { TaskError } from './errors.js';
import type { Awaitable, Creation, OpenTaskStore, Takeover, TaskDraft } from './ports.js';

/** How long a store may take to answer. One timer for all answers that are waited for. */
export class TimeLimit {
  /** How each of them is refused. */
  readonly #waiting = new Deadlines<() => void>();
  #cancelTimer: (() => void) | undefined;
  #timerDueMs = Infinity;

  constructor(
    readonly clock: Clock,
    readonly ms: number,
  ) {}

  /**
   * What the store answers; at once where that is no promise.
   * @throws TaskError `STORE_UNAVAILABLE` where it takes too long; what was asked for may be done all the same
   */
  keep<T>(answer: Awaitable<T>): Awaitable<T> {
    return answer instanceof Promise ? this.within(this.ms, answer) : answer;
  }

  within<T>(ms: number, answer: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const refuse = (): void => {
        reject(new TaskError('STORE_UNAVAILABLE', `The store did not answer within ${ms} ms`));
      };
      const now = this.clock.now();
      this.#waiting.add(refuse, ms, now);
      if (now + ms < this.#timerDueMs) this.#arm();
      const answered = (): void => {
        this.#waiting.delete(refuse, ms);
        if (this.#waiting.nextMs === Infinity) this.#arm();
      };
      answer.then(
        (value) => {
          answered();
          resolve(value);
        },
        (error: unknown) => {
          answered();
          reject(error);
        },
      );
    });
  }

  /** For what falls due first, if anything. Where that is answered before, the timer comes in vain, once. */
  #arm(): void {
    this.#cancelTimer?.();
    this.#timerDueMs = this.#waiting.nextMs;
    const left = this.#timerDueMs - this.clock.now();
    this.#cancelTimer = left === Infinity ? undefined : this.clock.after(left, this.#fire);
  }

  readonly #fire = (): void => {
    // After an event loop that stood still, an answer that came in time is read only now: it goes first.
    for (const refuse of this.#waiting.take(this.clock.now())) setImmediate(refuse);
    this.#arm();
  };
}

/** Takes what a store answers after the time limit, when whoever asked has been refused. */
export interface LateAnswers {
  created(draft: TaskDraft, creation: Creation): void;
  claimed(takeover: Takeover): void;
}

/** The same store, whose answers to requests are waited for no longer than `limit` says. */
export function withTimeLimit(store: OpenTaskStore, limit: TimeLimit, late: LateAnswers): OpenTaskStore {
  /** Hands the answer on to `take` where it comes too late. */
  const keep = <T>(answer: Awaitable<T>, take: (late: T) => void): Awaitable<T> => {
    if (!(answer instanceof Promise)) return answer;
    const kept = limit.within(limit.ms, answer);
    kept.catch(() => {
      answer.then(take, () => undefined);
    });
    return kept;
  };
  return {
    shared: store.shared,
    create: (draft) =>
      keep(store.create(draft), (creation) => {
        late.created(draft, creation);
      }),
    claim: (taskId, folds) =>
      keep(store.claim(taskId, folds), (takeover) => {
        if (takeover !== undefined && 'writer' in takeover) late.claimed(takeover);
      }),
    find: (ref, texts) => limit.keep(store.find(ref, texts)),
    list: (filter) => limit.keep(store.list(filter)),
    open: (taskId) => limit.keep(store.open(taskId)),
    departedAt: (taskId, subscriberId) => limit.keep(store.departedAt(taskId, subscriberId)),
    requestCancel: (taskId, reason) => limit.keep(store.requestCancel(taskId, reason)),
    sweep: () => limit.keep(store.sweep()),
    sizes: () => store.sizes(),
    stop: () => store.stop?.(),
  };
}
