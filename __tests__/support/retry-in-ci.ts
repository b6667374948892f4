/**
 * A machine that is busy with something else can starve a browser or a server process of the time that a test gives it.
 * In CI such a test is run again, twice at most, and every failure is printed; at a desk a failure is a failure.
 */
if (process.env.CI !== undefined) jest.retryTimes(2, { logErrorsBeforeRetry: true });
