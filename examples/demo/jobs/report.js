// A synthetic job for trying things: as many steps as asked for, as fast or as slow, as small or as large.
import { setTimeout as sleep } from 'node:timers/promises';

/** @typedef {{ steps: number, intervalMs: number, payloadBytes: number }} ReportInput */

/** @type {import('resumable-sse').AsyncTask<object, object, ReportInput>} */
export async function buildReport({ input, signal }, _taskId, updateProgress) {
  const { steps, intervalMs, payloadBytes } = input;
  const payload = payloadBytes > 0 ? { payload: 'x'.repeat(payloadBytes) } : {};
  const startedAt = performance.now();
  for (let step = 1; step <= steps; step++) {
    if (intervalMs > 0) await sleep(intervalMs, undefined, { signal });
    signal.throwIfAborted();
    await updateProgress({ step, total: steps, ...payload }); // every so often it lets others have their turn
  }
  return { steps, elapsed_ms: Math.round(performance.now() - startedAt) };
}
