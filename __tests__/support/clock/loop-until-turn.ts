/** A loop of calls that all are refused, which ends only if the event loop gets a turn in between. */
export async function loopUntilTurn(call: () => Promise<unknown>): Promise<string> {
  const loop = { hasTurned: false };
  setImmediate(() => (loop.hasTurned = true));
  for (let n = 0; n < 100_000; n++) {
    await call().catch(() => undefined);
    if (loop.hasTurned) return 'the loop has turned';
  }
  return 'the loop was starved';
}
