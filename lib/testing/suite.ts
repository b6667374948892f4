/** Hands a suite of tests to any runner. */
import type { Awaitable } from '../core/ports.js';

/** The functions that a test runner must have. `jest`, `vitest` and `node:test` all have them. */
export interface Runner {
  /** Groups tests. */
  readonly describe: (name: string, suite: () => void) => unknown;
  /** Adds one test, which fails where `test` rejects. */
  readonly it: (name: string, test: () => Promise<void>) => unknown;
}

/** A suite whose tests each get what they test for themselves alone. */
export interface Suite<Limits, Opened> extends Runner {
  /** Opens what is tested, for the test that is running; it is closed at the end of that test. */
  readonly open: (limits?: Limits) => Promise<Opened>;
  /** Runs at the end of the test that is running, before what it tests is closed. */
  readonly atEnd: (cleanUp: () => void) => void;
}

/** A suite over `runner` in which `open` can be used. Its tests run one after the other, as those of one file do. */
export function suiteOf<Limits, Opened extends { readonly close: () => Awaitable<void> }>(
  { describe, it }: Runner,
  open: (limits?: Limits) => Awaitable<Opened>,
): Suite<Limits, Opened> {
  const opened: Opened[] = [];
  const cleanUps: (() => void)[] = [];
  return {
    describe,
    it: (name, test) =>
      it(name, async () => {
        try {
          await test();
        } finally {
          for (const cleanUp of cleanUps.splice(0)) cleanUp();
          for (const each of opened.splice(0)) await each.close();
        }
      }),
    open: async (limits) => {
      const fresh = await open(limits);
      opened.push(fresh);
      return fresh;
    },
    atEnd: (cleanUp) => void cleanUps.push(cleanUp),
  };
}
