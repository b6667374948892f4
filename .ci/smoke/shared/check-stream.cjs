// What a user of the installed package sees on the wire: the headers, the frames, a resume, and the end.
const assert = require('node:assert/strict');
const { once } = require('node:events');

const TOTAL = 3;

async function count(_context, _taskId, updateProgress) {
  for (let step = 1; step <= TOTAL; step += 1) await updateProgress({ step, total: TOTAL });
  return { steps: TOTAL };
}

const dataOf = (frame) => JSON.parse(/^data: (.*)$/m.exec(frame)[1]);

async function readFrames(response) {
  const text = await response.text();
  assert.ok(text.endsWith('\n\n'), 'the stream ends with a whole frame');
  return text
    .slice(0, -2)
    .split('\n\n')
    .filter((frame) => !frame.startsWith(':'));
}

function checkHeaders({ status, headers }) {
  assert.equal(status, 200);
  assert.equal(headers.get('content-type'), 'text/event-stream');
  assert.equal(headers.get('cache-control'), 'no-store, no-cache, no-transform');
  assert.equal(headers.get('x-accel-buffering'), 'no');
}

function checkFrames([task, ...events], { key, taskId, position }) {
  assert.match(task, /^retry: \d+\nevent: task\ndata: .*\nid: .*$/);
  assert.ok(task.endsWith(`\nid: ${key}.${position}`), task);
  const { task_id, resume_key, resumed, position: told } = dataOf(task);
  assert.deepEqual(
    { task_id, resume_key, resumed, position: told },
    { task_id: taskId, resume_key: key, resumed: position > 0, position },
  );

  const progress = [];
  for (let seq = position + 1; seq <= TOTAL; seq += 1) {
    progress.push(`data: ${JSON.stringify({ step: seq, total: TOTAL })}\nid: ${key}.${seq}`);
  }
  assert.deepEqual(events.slice(0, -1), progress);

  const last = events.at(-1);
  assert.match(last, /^event: complete\n/);
  assert.ok(last.endsWith(`\nid: ${key}.${TOTAL + 1}`), last);
  const { task_id: id, status, result } = dataOf(last);
  assert.deepEqual({ id, status, result }, { id: taskId, status: 'completed', result: { steps: TOTAL } });
}

/** Serves a job with `express` and `tasks`, streams it, resumes it after its first event, and comes back after its end. */
async function checkStream(express, tasks) {
  const server = express().get('/count', tasks.handler(count)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${server.address().port}/count`;
  try {
    const first = await fetch(url);
    checkHeaders(first);
    const key = first.headers.get('x-resume-key');
    const taskId = first.headers.get('x-task-id');
    checkFrames(await readFrames(first), { key, taskId, position: 0 });

    const resumed = await fetch(url, { headers: { 'Last-Event-ID': `${key}.1` } });
    checkHeaders(resumed);
    checkFrames(await readFrames(resumed), { key, taskId, position: 1 });

    const ended = await fetch(url, { headers: { 'Last-Event-ID': `${key}.${TOTAL + 1}` } });
    assert.equal(ended.status, 204);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

module.exports = { checkStream };
