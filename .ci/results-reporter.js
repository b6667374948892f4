import { writeFileSync } from 'node:fs';

/** Writes the counts of a whole Jest run to a file. */
export default class ResultsReporter {
  #file;

  constructor(_globalConfig, { file }) {
    this.#file = file;
  }

  onRunComplete(_contexts, results) {
    const { success, numPassedTests, numFailedTests, numPendingTests, numTodoTests } = results;
    const { numFailedTestSuites, numRuntimeErrorTestSuites } = results;
    const counts = { numPassedTests, numFailedTests, numPendingTests, numTodoTests };
    writeFileSync(this.#file, JSON.stringify({ success, ...counts, numFailedTestSuites, numRuntimeErrorTestSuites }));
  }
}
