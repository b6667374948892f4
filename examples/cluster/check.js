// Uses the demo on two instances: an import is followed on both, and its instance is killed, once for each `onLost`.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { readThroughCuts } from '../read-events.js';
import { startServer } from '../start-server.js';
import { makeSample } from '../demo/make-sample.js';

const server = new URL('./server.js', import.meta.url);
const { expected } = makeSample();

async function startImport(origin, rowsPerSecond) {
  const response = await fetch(`${origin}/imports?rows_per_second=${rowsPerSecond}`, { method: 'POST' });
  assert.equal(response.status, 202);
  const { task_id: taskId } = await response.json();
  const stream = new URL(String(response.headers.get('Location')), origin);
  return { taskId, stream, instance: String(response.headers.get('X-Instance')) };
}

const statusOf = async (origin, taskId) => (await fetch(`${origin}/tasks/${taskId}`)).json();

function assertWhole({ end, progress }) {
  assert.equal(end.event, 'complete');
  assert.equal(end.data.result.rows, expected.rows);
  const told = progress.flatMap(({ data }) => data.new_bad_rows);
  assert.deepEqual(told, expected.bad, 'every bad row is told once, in order, whoever has found it');
}

/** Kills the instance that runs an import, in the middle of it, and reads on. */
async function killed(onLost) {
  const cluster = await startServer(server, { ON_LOST: onLost });
  const { origin, printed } = cluster;
  const pids = new Map(
    printed.flatMap((line) =>
      [...line.matchAll(/instance (\d): kill -9 (\d+)/g)].map(([, name, pid]) => [name, Number(pid)]),
    ),
  );

  for (const path of ['/', '/app.js', '/sample.csv']) assert.equal((await fetch(origin + path)).status, 200, path);

  // Every connection goes to the other instance; nobody notices.
  const quick = await startImport(origin, 4 * expected.rows);
  assertWhole(await readThroughCuts(quick.stream, [1, 1, 1]));

  const slow = await startImport(origin, expected.rows / 4);
  const reading = readThroughCuts(slow.stream, [2, 2, 2]);
  let before;
  do {
    await sleep(50);
    before = await statusOf(origin, slow.taskId);
  } while (before.last_seq < 8);
  const killedAt = performance.now();
  process.kill(Number(pids.get(slow.instance)), 'SIGKILL');
  const run = await reading;
  const seconds = ((performance.now() - killedAt) / 1_000).toFixed(1);
  const after = await statusOf(origin, slow.taskId);
  assert.equal(after.last_seq, run.events.length);
  await cluster.stop();
  return { run, after, seconds, before };
}

const lost = await killed('fail');
assert.equal(lost.run.end.event, 'failed');
assert.equal(lost.run.end.data.error.code, 'TASK_LOST');
assert.equal(lost.after.status, 'failed');

const restarted = await killed('restart');
assertWhole(restarted.run);
assert.equal(restarted.after.attempt, 2);

console.log(
  `cluster: kill -9 of the instance of an import: TASK_LOST ${lost.seconds} s later, after event ${lost.before.last_seq}`,
);
console.log(`cluster: the same with onLost 'restart': ${restarted.run.events.length} events, complete, each row once`);
