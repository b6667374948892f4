import type { AsyncTask } from '../../../lib/index.js';
import { createRandom } from '../../support/random/random.js';
import type { Machine } from './virtual-time.js';

/** What a job says: which plan, by which attempt, and how far. No two values of a world are equal. */
export interface Said {
  readonly plan: number;
  readonly attempt: number;
  readonly step: number;
}

/** What the jobs of a world did, as they know it themselves. */
export class JobDiary {
  /** Progress whose promise has resolved, as JSON, by plan. */
  readonly acknowledged = new Map<number, Set<string>>();
  /** Attempts that have begun, by plan, in the order of their beginnings. */
  readonly attempts = new Map<number, number[]>();
  /** Jobs that run now, by process. */
  readonly running = new Map<Machine, number>();

  acknowledge(said: Said): void {
    const known = this.acknowledged.get(said.plan) ?? new Set();
    this.acknowledged.set(said.plan, known.add(JSON.stringify(said)));
  }

  count(machine: Machine, change: 1 | -1): void {
    this.running.set(machine, (this.running.get(machine) ?? 0) + change);
  }

  begin(plan: number, attempt: number): void {
    this.attempts.set(plan, [...(this.attempts.get(plan) ?? []), attempt]);
  }
}

/** How long the longest plan takes where nothing goes wrong, in ms. */
export const LONGEST_PLAN_MS = 25 * 400;

/**
 * The job that every instance offers. What it does is decided by its input alone, so that whoever runs it again does the
 * same; a later attempt goes on after the last progress.
 */
export function createJob(machine: Machine, diary: JobDiary): AsyncTask<Said, unknown, { query: { plan: string } }> {
  return async (context, _taskId, updateProgress) => {
    const plan = Number(context.input.query.plan);
    const { attempt, signal } = context;
    const random = createRandom(plan).fork(1);
    const steps = random.int(0, 25);
    const pauseMs = random.int(0, 400);
    diary.begin(plan, attempt);
    diary.count(machine, 1);
    try {
      for (let step = (context.lastProgress?.step ?? 0) + 1; step <= steps; step++) {
        if (pauseMs > 0) await new Promise<void>((resolve) => void machine.clock.after(pauseMs, resolve));
        signal.throwIfAborted();
        const said: Said = { plan, attempt, step };
        if (random.next() < 0.2) void context.emit('note', { plan, attempt, note: step });
        const appended = updateProgress(said).then(() => diary.acknowledge(said));
        if (random.next() < 0.7) await appended;
        else appended.catch(() => undefined);
      }
      if (random.next() < 0.1) throw new Error('the job fails');
      return { steps };
    } finally {
      diary.count(machine, -1);
    }
  };
}
