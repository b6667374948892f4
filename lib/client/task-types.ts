/** Takes the types of a job for the page that follows it. */

/** What a job may return: its result, or a stream of progress. */
type Returned<Job> = Job extends (...args: never[]) => infer Value
  ? Awaited<Value>
  : Job extends { run: (...args: never[]) => infer Value }
    ? Awaited<Value>
    : never;

/** What is a result as it is: a stream is consumed. */
type Plain<Value> = Exclude<Value, AsyncIterable<unknown> | { getReader(): unknown }>;

type ResultOfStream<Stream> = Stream extends AsyncGenerator<unknown, infer R> ? R : undefined;

/** The first parameter of a job. */
type Context<Job> = Job extends (context: infer C, ...rest: never[]) => unknown
  ? C
  : Job extends { run: (context: infer C, ...rest: never[]) => unknown }
    ? C
    : never;

type ProgressOf<Job> = Job extends (
  context: never,
  taskId: never,
  updateProgress: (data: infer P) => unknown,
) => unknown
  ? P
  : unknown;

/**
 * The types of a job of the server, so that a page need not repeat them. Import the job as a type alone: nothing of the
 * server comes along.
 *
 * - `progress`: what it passes to `updateProgress`, or what it yields;
 * - `result`: what it returns;
 * - `input`: its input.
 *
 * @example
 * import type { buildReport } from '../server/jobs.js';
 *
 * type Report = TaskTypes<typeof buildReport>;
 * const { result } = streamTask<Report['progress'], Report['result']>('/report');
 */
export interface TaskTypes<Job> {
  progress: Returned<Job> extends AsyncIterable<infer P>
    ? P
    : unknown extends ProgressOf<Job>
      ? Context<Job> extends { updateProgress: (data: infer P) => unknown }
        ? P
        : unknown
      : ProgressOf<Job>;
  result: [Plain<Returned<Job>>] extends [never] ? ResultOfStream<Returned<Job>> : Plain<Returned<Job>>;
  input: Context<Job> extends { readonly input: infer I } ? I : unknown;
}
