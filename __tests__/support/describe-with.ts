/**
 * `describe` where what these tests need is there; where it is not, a visible skip, and a failure in CI.
 * @param what its name, for whoever reads that failure
 */
export function describeWith(there: boolean, what: string): jest.Describe {
  if (there) return describe;
  if (process.env['CI'] === undefined) return describe.skip;
  return ((name: string) => {
    describe(name, () => {
      it(`has ${what}`, () => {
        throw new Error(`In CI these tests must run: ${what} is missing`);
      });
    });
  }) as unknown as jest.Describe;
}
