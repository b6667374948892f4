/**
 * `describe` where what these tests need is there; where it is not, they are skipped, say so, and fail in CI.
 * @param what its name, for whoever reads that
 */
export function describeWith(there: boolean, what: string): (name: string, suite: () => void) => void {
  if (there) return describe;
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
