import { AtMost } from '../../lib/core/at-most.js';

describe('AtMost', () => {
  it('runs so many at a time, the others in their order, whatever becomes of them', async () => {
    const places = new AtMost(2);
    const begun: number[] = [];
    const finish: (() => void)[] = [];
    const runs = [0, 1, 2, 3, 4].map((n) =>
      places
        .run(async () => {
          begun.push(n);
          await new Promise<void>((resolve, reject) => (finish[n] = n % 2 ? resolve : () => reject(new Error(`${n}`))));
          return n;
        })
        .catch((error: unknown) => (error as Error).message),
    );
    for (const [n, seen] of [
      [0, 1],
      [0, 1, 2],
      [0, 1, 2, 3],
      [0, 1, 2, 3, 4],
    ].entries()) {
      expect(begun).toEqual(seen);
      finish[n]?.();
      await runs[n];
    }
    finish[4]?.();
    expect(await Promise.all(runs)).toEqual(['0', 1, '2', 3, '4']);
    expect(await places.run(async () => 'free again')).toBe('free again');
  });
});
