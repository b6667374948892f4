/** Asks again and again until the answer is yes, where no event tells. @throws where it is still no after `withinMs` */
export async function until(holds: () => boolean | Promise<boolean>, withinMs = 20_000): Promise<void> {
  const end = performance.now() + withinMs;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`It did not come true within ${withinMs} ms: ${holds.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** For what is broken for a while: how long that lasts is the fault itself, not a wait for something to happen. */
export const standStill = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
