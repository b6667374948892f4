/**
 * `describe` where what these tests need is there; where it is not, they are skipped, say so, and fail in CI.
 * @param what its name, for whoever reads that
 */
export function describeWith(there: boolean, what: string): (name: string, suite: () => void) => void {
  if (there) {
    // A machine that is busy with something else can starve a browser or a server of the time that a test gives it. In
    // CI, and in files that need one, a test that fails is run again, twice at most, and every failure is printed.
    if (process.env.CI !== undefined) jest.retryTimes(2, { logErrorsBeforeRetry: true });
    return describe;
  }
  return (name, suite) => {
    if (process.env.CI === undefined) {
      process.stdout.write(`${name}: skipped, ${what} is missing\n`);
      describe.skip(name, suite);
    } else {
      describe(name, () => {
        it(`has ${what}`, () => {
          throw new Error(`In CI these tests must run: ${what} is missing`);
        });
      });
    }
  };
}
