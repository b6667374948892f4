/** Takes the types of a job, for the server's own code and for the page that follows it. Pure types: pages load nothing. */

/** The value that a job returns or resolves to: its result, or a stream of progress. */
type Returned<Job> = Job extends (...args: never[]) => infer Value
  ? Awaited<Value>
  : Job extends { run: (...args: never[]) => infer Value }
    ? Awaited<Value>
    : never;

/** The part of a value that is a result as it is; streams are consumed. */
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
 * The types of a job of the server, so that a page need not repeat them. `Job` is a function, or an object with `run`. A
 * page imports the job as a type alone: nothing of the server comes along. `resumable-sse` exports this type too.
 *
 * @example
 * import type { buildReport } from '../../server/jobs.js';
 *
 * type Report = TaskTypes<typeof buildReport>;
 * const { result } = streamTask<Report['progress'], Report['result']>('/report');
 */
export interface TaskTypes<Job> {
  /** The values that the job passes to `updateProgress`, or yields; `unknown` if it does not say. */
  progress: Returned<Job> extends AsyncIterable<infer P>
    ? P
    : unknown extends ProgressOf<Job>
      ? Context<Job> extends { updateProgress: (data: infer P) => unknown }
        ? P
        : unknown
      : ProgressOf<Job>;
  /** The value that the job returns; `undefined` for a stream without a return value. */
  result: [Plain<Returned<Job>>] extends [never] ? ResultOfStream<Returned<Job>> : Plain<Returned<Job>>;
  /** The input of the job; `unknown` if it does not say. */
  input: Context<Job> extends { readonly input: infer I } ? I : unknown;
}
