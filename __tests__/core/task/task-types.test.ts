import type { AsyncTask, TaskTypes } from '../../../lib/index.js';
import type { TaskTypes as TaskTypesOfClient } from '../../../lib/client/index.js';

/** True where both types are the same. A wrong one does not compile. */
type Same<A, B> = [A, B] extends [B, A] ? true : false;

interface Step {
  step: number;
}
interface Report {
  url: string;
}

type Typed = AsyncTask<Step, Report, { year: number }>;
type Inferred = (context: { input: { year: number } }, taskId: string, update: (data: Step) => void) => Promise<Report>;
type OfContext = (context: { updateProgress: (data: Step) => void }) => Report;
type Generator = (context: { input: string }) => AsyncGenerator<Step, Report>;
type Iterable = () => AsyncIterable<Step>;
interface WithRun {
  run: Generator;
}

const cases: [string, true][] = [
  ['a job typed as AsyncTask, its progress', true satisfies Same<TaskTypes<Typed>['progress'], Step>],
  ['a job typed as AsyncTask, its input', true satisfies Same<TaskTypes<Typed>['input'], { year: number }>],
  ['a function, its progress', true satisfies Same<TaskTypes<Inferred>['progress'], Step>],
  ['a function, its result', true satisfies Same<TaskTypes<Inferred>['result'], Report>],
  ['a function, its input', true satisfies Same<TaskTypes<Inferred>['input'], { year: number }>],
  ['a function that uses its context alone', true satisfies Same<TaskTypes<OfContext>['progress'], Step>],
  ['a generator, what it yields', true satisfies Same<TaskTypes<Generator>['progress'], Step>],
  ['a generator, what it returns', true satisfies Same<TaskTypes<Generator>['result'], Report>],
  ['an iterable, which has no result', true satisfies Same<TaskTypes<Iterable>['result'], undefined>],
  ['an object with run', true satisfies Same<TaskTypes<WithRun>['result'], Report>],
  ['the client’s name for it', true satisfies Same<TaskTypesOfClient<Typed>, TaskTypes<Typed>>],
];

it.each(cases)('TaskTypes takes the types of %s', (_what, isSame) => {
  expect(isSame).toBe(true);
});
