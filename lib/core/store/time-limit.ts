/** Limits the time that requests wait for a store. */
import type { Clock } from '../clock.js';
import { Deadlines } from '../deadlines.js';
import { unavailable } from '../errors.js';
import type { Awaitable, Creation, OpenTaskStore, Takeover, TaskDraft } from '../ports.js';

/** Refuses answers that take too long, with one timer for all of them. */
export class TimeLimit {
  /** The functions that refuse the waiting answers. */
  readonly #waiting = new Deadlines<() => void>();
  #cancelTimer: (() => void) | undefined;
  #timerDueMs = Infinity;

  constructor(
    readonly clock: Clock,
    readonly ms: number,
  ) {}

  /**
   * Returns the store's answer, at once where it is not a promise.
   * @throws TaskError `STORE_UNAVAILABLE` where it takes too long; what was asked for may be done all the same
   */
  withTimeout<T>(answer: Awaitable<T>): Awaitable<T> {
    return answer instanceof Promise ? this.within(this.ms, answer) : answer;
  }

  within<T>(ms: number, answer: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const refuse = (): void => {
        reject(unavailable(`The store did not answer within ${ms} ms; its client may have no connection`));
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

  /** Sets the timer for the answer that falls due first. Where that arrives earlier, the timer fires once in vain. */
  #arm(): void {
    this.#cancelTimer?.();
    this.#timerDueMs = this.#waiting.nextMs;
    const left = this.#timerDueMs - this.clock.now();
    this.#cancelTimer = left === Infinity ? undefined : this.clock.after(left, this.#fire);
  }

  readonly #fire = (): void => {
    // After the event loop has stood still, an answer that came in time is only read now. It goes first.
    for (const refuse of this.#waiting.take(this.clock.now())) setImmediate(refuse);
    this.#arm();
  };
}

/** Takes the answers that arrive after the time limit, when their request has been refused. */
export interface LateAnswers {
  created(draft: TaskDraft, creation: Creation): void;
  claimed(takeover: Takeover): void;
}

/** Returns the store, with answers to requests limited in time. */
export function withTimeLimit(store: OpenTaskStore, limit: TimeLimit, late: LateAnswers): OpenTaskStore {
  /** Returns the limited answer. Where it comes too late, it goes to `take`. */
  const limited = <T>(answer: Awaitable<T>, take: (late: T) => void): Awaitable<T> => {
    if (!(answer instanceof Promise)) return answer;
    const kept = limit.within(limit.ms, answer);
    kept.catch(() => {
      answer.then(take, () => undefined);
    });
    return kept;
  };
  return {
    shared: store.shared,
    memory: store.memory,
    create: (draft, settling) =>
      limited(store.create(draft, settling), (creation) => {
        late.created(draft, creation);
      }),
    claim: (taskId, folds) =>
      limited(store.claim(taskId, folds), (takeover) => {
        if (takeover !== undefined && 'writer' in takeover) late.claimed(takeover);
      }),
    find: (ref, texts) => limit.withTimeout(store.find(ref, texts)),
    list: (filter) => limit.withTimeout(store.list(filter)),
    open: (taskId, known) => limit.withTimeout(store.open(taskId, known)),
    departedAt: (taskId, subscriberId) => limit.withTimeout(store.departedAt(taskId, subscriberId)),
    requestCancel: (taskId, reason) => limit.withTimeout(store.requestCancel(taskId, reason)),
    sweep: () => limit.withTimeout(store.sweep()),
    sizes: () => store.sizes(),
    stop: () => store.stop?.(),
  };
}
