/** Calls what an application has handed in: where it throws, a process warning says so and nobody else is disturbed. */
export function isolate(call: () => unknown, detail: string): void {
  const tell = (error: unknown): void => {
    warn(error, detail);
  };
  try {
    const answer = call();
    if (answer instanceof Promise) answer.catch(tell); // it may be an async function
  } catch (error) {
    tell(error);
  }
}

export function warn(error: unknown, detail: string): void {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.emitWarning(text, { type: 'StreamWarning', detail });
}
