/** @throws Error where `what` has not ended after `ms`: what hangs fails, with the rest of its test's clean-up */
export async function inTime<T>(ms: number, what: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const hung = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`It hangs: no end after ${ms} ms`)), ms);
  });
  return Promise.race([what, hung]).finally(() => clearTimeout(timer));
}
