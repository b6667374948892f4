import type { Clock } from '../../../lib/index.js';
import type { Turns } from './turns.js';

interface Event {
  readonly dueMs: number;
  readonly fn: () => void;
  cancelled: boolean;
}

/** The one time of a simulated world. It moves only when a test says so, from one event to the next. */
export class VirtualTime {
  nowMs = 0;
  /** By due time, the latest first. */
  readonly #events: Event[] = [];

  constructor(readonly turns: Turns) {}

  /** Calls `fn` in `ms`. Returns its cancellation. */
  after(ms: number, fn: () => void): () => void {
    if (ms === Infinity) return () => undefined;
    const event: Event = { dueMs: this.nowMs + Math.max(0, Math.round(ms)), fn, cancelled: false };
    let low = 0;
    let high = this.#events.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#events[middle]!.dueMs > event.dueMs) low = middle + 1;
      else high = middle;
    }
    this.#events.splice(low, 0, event); // before those of the same time: they are taken from the end
    return () => {
      event.cancelled = true;
    };
  }

  /** Lets everything happen that is due within `ms`, each thing at its own time. */
  async advance(ms: number): Promise<void> {
    const endMs = this.nowMs + ms;
    for (;;) {
      const dueMs = this.#events.at(-1)?.dueMs ?? Infinity;
      if (dueMs > endMs) break;
      this.nowMs = Math.max(this.nowMs, dueMs);
      while ((this.#events.at(-1)?.dueMs ?? Infinity) <= this.nowMs) {
        const { fn, cancelled } = this.#events.pop()!;
        if (!cancelled) fn();
      }
      await this.turns.settle();
    }
    this.nowMs = endMs;
  }
}

/** A timer of a process. */
interface Timer {
  isCancelled: boolean;
  stop: () => void;
  readonly cancel: () => void;
}

/** A process of the simulated world: it runs, stands still, or is dead. */
export class Machine {
  state: 'up' | 'stalled' | 'dead' = 'up';
  /** What has reached it while it stood still. */
  #waiting: (() => void)[] = [];
  readonly #timers = new Set<() => void>();

  /** @param offsetMs how far its clock is from that of others: clocks are never compared */
  constructor(
    readonly time: VirtualTime,
    readonly offsetMs: number,
  ) {}

  /** Something reaches the process: now, when it goes on, or never. */
  deliver(fn: () => void): void {
    if (this.state === 'up') fn();
    else if (this.state === 'stalled') this.#waiting.push(fn);
  }

  stall(): void {
    if (this.state === 'up') this.state = 'stalled';
  }

  resume(): void {
    if (this.state !== 'stalled') return;
    this.state = 'up';
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const fn of waiting) this.deliver(fn);
  }

  kill(): void {
    this.state = 'dead';
    this.#waiting = [];
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
  }

  /** Timers that wait. */
  get timers(): number {
    return this.#timers.size;
  }

  readonly clock: Clock = {
    now: () => this.time.nowMs + this.offsetMs,
    wallNow: () => Date.UTC(2026, 0, 1) + this.time.nowMs,

    after: (ms, fn) => {
      const timer = this.#timer();
      timer.stop = this.time.after(ms, () => {
        this.#timers.delete(timer.cancel);
        this.deliver(() => {
          if (!timer.isCancelled) fn();
        });
      });
      return timer.cancel;
    },

    every: (ms, fn) => {
      const timer = this.#timer();
      let pending = false;
      const arm = (): void => {
        timer.stop = this.time.after(ms, () => {
          arm();
          if (pending) return; // one call makes up for all that a process that stood still has missed
          pending = true;
          this.deliver(() => {
            pending = false;
            if (!timer.isCancelled) fn();
          });
        });
      };
      arm();
      return timer.cancel;
    },
  };

  #timer(): Timer {
    const timer: Timer = {
      isCancelled: false,
      stop: () => undefined,
      cancel: () => {
        timer.isCancelled = true;
        this.#timers.delete(timer.cancel);
        timer.stop();
      },
    };
    this.#timers.add(timer.cancel);
    return timer;
  }
}
