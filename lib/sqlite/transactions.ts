/** Schedules work in the database: reads at once, and all writes of one turn of the event loop in one transaction. */
import { stayAlive, type Clock } from '../core/clock.js';
import type { Connection } from './connection.js';
import { failureOf, isBusy, type Failure } from './failure.js';
import { checkFile, setUp } from './schema.js';

/** A transaction is committed after this long, and the rest of its turn's work waits for the next one. */
const MAX_TRANSACTION_MS = 2;
const MAX_BUSY_DELAY_MS = 16;
/** The file is looked at so often while it is used: another one at its path would be noticed by nobody. */
const CHECK_MS = 500;
/** The part of `timeoutMs` that work waits for a busy database, so that its own error arrives before nobody waits for it. */
const BUSY_SHARE = 0.75;

interface Work {
  run(): void;
  done(): void;
  fail(failure: Failure): void;
  /** Until then it may wait for a database that is busy. */
  readonly deadline: number;
}

/**
 * Nothing ever waits inside SQLite, where it would block the event loop: while another process writes, all writes are
 * tried again in a later turn, after a random delay, so that no process starves.
 */
export class Transactions {
  #waiting: Work[] = [];
  #isScheduled = false;
  #isSetUp = false;
  #checkDueMs = -Infinity;
  /** The number of attempts in a row that found the database busy. */
  #refusals = 0;
  /** The number of waiting pieces of work to run alone, because a transaction with all of them failed. */
  #suspects = 0;

  constructor(
    readonly connection: Connection,
    readonly clock: Clock,
    readonly timeoutMs: number,
  ) {}

  /** Runs `work` now. Rejects with a `Failure`. */
  async read<T>(work: () => T): Promise<T> {
    try {
      this.#setUp();
      return work();
    } catch (error) {
      if (isBusy(error)) return this.write(work);
      throw failureOf(error, false);
    }
  }

  /** Runs `work` in the transaction of this turn, and resolves when that is committed. Rejects with a `Failure`. */
  write<T>(work: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      let result: T;
      this.#waiting.push({
        run: () => void (result = work()),
        done: () => resolve(result),
        fail: reject,
        deadline: this.clock.now() + BUSY_SHARE * this.timeoutMs,
      });
      this.#schedule();
    });
  }

  #schedule(delayMs?: number): void {
    if (this.#isScheduled || this.#waiting.length === 0) return;
    this.#isScheduled = true;
    const flush = (): void => {
      this.#isScheduled = false;
      this.#flush();
    };
    if (delayMs === undefined) {
      setImmediate(flush);
      return;
    }
    const release = stayAlive(this.clock); // the clock's timers keep no process alive, and a write is under way
    this.clock.after(delayMs, () => {
      release();
      flush();
    });
  }

  #flush(): void {
    const works = this.#suspects > 0 ? this.#waiting.slice(0, 1) : this.#waiting;
    let ran = 0;
    let committing = false;
    try {
      this.#setUp();
      this.connection.transact(() => {
        const end = this.clock.now() + MAX_TRANSACTION_MS;
        do works[ran++]?.run();
        while (ran < works.length && this.clock.now() < end);
        committing = true;
      });
    } catch (error) {
      if (isBusy(error)) this.#postpone(error);
      else this.#failed(ran, failureOf(error, committing));
      return;
    }
    this.#refusals = 0;
    this.#settle(ran, (work) => work.done());
  }

  #failed(ran: number, failure: Failure): void {
    // One of them may be at fault alone. Where COMMIT may have succeeded, none may be run a second time.
    if (ran > 1 && failure.refusal !== undefined) this.#suspects = Math.max(this.#suspects, ran);
    else this.#settle(Math.max(1, ran), (work) => work.fail(failure));
    this.#schedule();
  }

  #settle(count: number, settle: (work: Work) => void): void {
    this.#suspects = Math.max(0, this.#suspects - count);
    const settled = this.#waiting.slice(0, count);
    this.#waiting = this.#waiting.slice(count);
    settled.forEach(settle);
    this.#schedule();
  }

  #postpone(error: unknown): void {
    const now = this.clock.now();
    const overdue = this.#waiting.filter(({ deadline }) => deadline <= now);
    this.#waiting = this.#waiting.filter(({ deadline }) => deadline > now);
    for (const work of overdue) work.fail(failureOf(error, false));
    this.connection.neverWait(); // the application may have set `busy_timeout` since
    this.#schedule(Math.random() * Math.min(MAX_BUSY_DELAY_MS, 2 ** this.#refusals++));
  }

  #setUp(): void {
    this.connection.assertOpen();
    if (!this.#isSetUp) setUp(this.connection);
    this.#isSetUp = true;
    const now = this.clock.now();
    if (now < this.#checkDueMs) return;
    checkFile(this.connection);
    this.#checkDueMs = now + CHECK_MS;
  }
}
