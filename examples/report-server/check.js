// Reads the report, loses the connection in the middle, comes back, and has missed nothing.
import assert from 'node:assert/strict';
import { readEvents, readThroughCuts } from '../read-events.js';
import { startServer } from '../start-server.js';

const { origin, stop } = await startServer(new URL('./server.js', import.meta.url));

// The first connection starts the job. It is cut after five events; the job does not notice.
const first = await readEvents(`${origin}/report`, { count: 5 });
assert.equal(first.task.resumed, false);
assert.deepEqual(
  first.events.map(({ data }) => data.step),
  [1, 2, 3, 4, 5],
);

// The second goes on after the fifth event: Last-Event-ID carries key and position, the URL is the same.
const second = await readEvents(`${origin}/report`, { lastEventId: first.events.at(-1).id });
assert.equal(second.task.resumed, true);
assert.equal(second.task.task_id, first.task.task_id, 'the same run, not a second one');
assert.equal(second.task.position, 5);
const events = [...first.events, ...second.events];
assert.deepEqual(
  events.map(({ seq, event, data }) => [seq, event, event === undefined ? data : data.result]),
  [
    ...Array.from({ length: 20 }, (_, index) => [index + 1, undefined, { step: index + 1, total: 20 }]),
    [21, 'complete', { pages: 20 }],
  ],
);
assert.equal((await readEvents(`${origin}/report`, { lastEventId: events.at(-1).id })).status, 204);

// Whoever comes later, with the key alone, gets all of it.
const late = await readThroughCuts(`${origin}/report?resume_key=${first.task.resume_key}`, [3, 4, 5]);
assert.deepEqual(late.events, events);

assert.equal(await stop(), 0, 'SIGTERM ends the server');
console.log(`report-server: ${events.length} events over 2 connections, none lost, none twice, then 204`);
