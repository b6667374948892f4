/** The ways in which a function of the user's can fail, whether or not anybody waits for what it returns. */
export const boom = new Error('boom');

const throwBoom = (): never => {
  throw boom;
};

export const WAYS_TO_FAIL: readonly (readonly [how: string, fail: () => unknown])[] = [
  ['throws', throwBoom],
  ['rejects', () => Promise.reject(boom)],
  ['is async and throws', async () => throwBoom()],
  [
    'returns an object whose then throws',
    () => ({
      get then(): never {
        return throwBoom();
      },
    }),
  ],
  [
    'returns an object whose then rejects',
    () => ({ then: (_: unknown, reject: (error: Error) => void) => reject(boom) }),
  ],
];
