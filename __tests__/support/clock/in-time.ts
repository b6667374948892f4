/** @throws Error with `state` where `what` has not ended after `ms`: what hangs fails, and is cleaned up */
export async function inTime<T>(ms: number, what: Promise<T>, state: () => string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const hung = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`It hangs: no end after ${ms} ms; ${state()}`)), ms);
  });
  return Promise.race([what, hung]).finally(() => clearTimeout(timer));
}
