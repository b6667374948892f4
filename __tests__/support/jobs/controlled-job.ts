import type { AsyncTask, TaskContext } from '../../../lib/index.js';

/** One run of a job that does only what a test tells it to. */
export interface ControlledRun {
  readonly context: TaskContext;
  readonly finish: (result?: unknown) => void;
  readonly fail: (error: unknown) => void;
}

export interface ControlledJob {
  readonly job: AsyncTask;
  /** How often the job was called. */
  readonly calls: number;
  /** The nth run, from 1, as soon as there is one. */
  readonly run: (nth?: number) => Promise<ControlledRun>;
}

/** A job that runs until a test ends it, and counts its calls. */
export function controlledJob(): ControlledJob {
  const runs: ControlledRun[] = [];
  const waiting: { nth: number; resolve: (run: ControlledRun) => void }[] = [];
  return {
    job: (context) =>
      new Promise((finish, fail) => {
        const run = { context, finish, fail };
        runs.push(run);
        for (const { nth, resolve } of waiting) if (nth === runs.length) resolve(run);
      }),
    get calls() {
      return runs.length;
    },
    run: (nth = 1) =>
      new Promise((resolve) => {
        const run = runs[nth - 1];
        if (run === undefined) waiting.push({ nth, resolve });
        else resolve(run);
      }),
  };
}
