// A job that hangs, run with the clock of the system while a runner's fake timers stand in for it.
import assert from 'node:assert/strict';
import { runJob } from '../../../dist/esm/testing/index.js';

/** @param {(ms: number) => void} advance moves the fake time */
export async function isStoppedInTime(advance) {
  let stopped = false;
  const hangs = async ({ updateProgress }) => {
    await updateProgress({ step: 1 });
    await new Promise(() => undefined);
  };
  const running = assert.rejects(runJob(hangs, undefined, { timeoutMs: 60_000 }), { code: 'TASK_TIMEOUT' });
  void running.then(() => (stopped = true));
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
  advance(59_000);
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(stopped, false);
  advance(1_000);
  await running;
}
