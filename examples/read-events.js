// A client for the checks: reads a stream, cuts the connection where it is told to, comes back with Last-Event-ID.
import assert from 'node:assert/strict';
import { EventSourceParserStream } from 'eventsource-parser/stream';

/** The names of the three events that end a stream for good. */
const TERMINAL = ['complete', 'failed', 'cancelled'];

/**
 * One connection: reads up to `count` events, then cuts it. What the server cuts counts as well, so the events are
 * just those that arrived whole. The `task` frame, which is no event of the log, comes apart from them.
 *
 * @param {string | URL} url
 * @param {{ lastEventId?: string, count?: number }} [options]
 */
export async function readEvents(url, { lastEventId, count = Infinity } = {}) {
  const headers = { Accept: 'text/event-stream', ...(lastEventId && { 'Last-Event-ID': lastEventId }) };
  const response = await fetch(url, { headers });
  const { status } = response;
  const events = [];
  let task;
  if (status !== 200 || response.body === null) return { status, task, events };
  const frames = response.body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream());
  try {
    for await (const { id = '', event, data } of frames) {
      const value = JSON.parse(data);
      if (event === 'task') task = value;
      else events.push({ id, seq: Number(id.split('.')[1]), event, data: value });
      if (events.length >= count) break; // leaving the loop closes the connection
    }
  } catch (error) {
    if (!(error instanceof TypeError && error.message === 'terminated')) throw error; // fetch's word for a connection that was cut
  }
  return { status, task, events };
}

/**
 * The whole stream, over as many connections as it takes: the n-th is cut after `cuts[n]` events, the last stays.
 * Asserts what every client may rely on: each seq once and in order, one terminal event, which is the last, then 204.
 *
 * @param {string | URL} url
 * @param {readonly number[]} cuts
 */
export async function readThroughCuts(url, cuts) {
  const events = [];
  let connections = 0;
  while (!TERMINAL.includes(events.at(-1)?.event)) {
    const lastEventId = events.at(-1)?.id;
    const connection = await readEvents(url, { lastEventId, count: cuts[connections++] });
    assert.equal(connection.status, 200);
    assert.equal(connection.task.position, events.at(-1)?.seq ?? 0, 'the server goes on where the client was');
    events.push(...connection.events);
    assert(connections < cuts.length + 50, 'the stream must come to an end');
  }
  const expected = events.map((_, index) => index + 1);
  assert.deepEqual(
    events.map(({ seq }) => seq),
    expected,
    'every event once and in order',
  );
  assert.equal(events.filter(({ event }) => TERMINAL.includes(event)).length, 1, 'one terminal event');

  const after = await readEvents(url, { lastEventId: events.at(-1).id });
  assert.equal(after.status, 204, 'a client that has seen the end is told to stay away');
  return { events, progress: events.filter(({ event }) => event === undefined), end: events.at(-1), connections };
}
