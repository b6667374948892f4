import { settle, type FakeStream } from '../support/clients/fake-fetch.js';
import { complete, frame, IDS, KEY, open, passes, URL_, useFakeServer } from '../support/servers/fake-task-server.js';

const { fake, streamOf } = useFakeServer();

describe('a start', () => {
  it('follows the task to its end', async () => {
    const { connection, events, states } = open();
    expect([connection.state, fake.asked.length]).toEqual(['connecting', 0]);
    const { asked, stream } = await streamOf(1);
    expect([connection.state, connection.taskId, connection.resumeKey]).toEqual(['open', 'task-1', KEY]);
    stream.write(frame(1, { step: 1 }) + frame(2, 'note', 'log') + complete(3));
    expect(await connection.result).toBe('done');
    expect(events).toEqual([
      { kind: 'progress', seq: 1, data: { step: 1 } },
      { kind: 'event', seq: 2, event: 'log', data: 'note' },
      { kind: 'complete', seq: 3, result: 'done' },
    ]);
    expect(states).toEqual(['open', 'closed']);
    expect([asked.method, asked.headers.get('accept'), asked.headers.get('last-event-id')]).toEqual([
      'GET',
      'text/event-stream',
      null,
    ]);
    await passes(100_000);
    expect(fake.asked).toHaveLength(1);
  });

  it('that nobody answers is repeated with the same key and body, with url and headers made anew', async () => {
    let token = 0;
    const { connection } = open(
      { method: 'POST', body: '{"a":1}', headers: () => Promise.resolve({ Authorization: `Bearer ${++token}` }) },
      () => `${URL_}?try=${token}`,
    );
    (await fake.request(1)).fail();
    await passes(2_000);
    (await fake.request(2)).answer(503, { 'Retry-After': '9' });
    await passes(8_999);
    expect(fake.asked).toHaveLength(2);
    await passes(1);
    const { stream } = await streamOf(3);
    const keys = new Set(fake.asked.map(({ headers }) => headers.get('idempotency-key')));
    expect([keys.size, [...keys][0]]).toEqual([1, expect.stringMatching(/^[\x21-\x7e]{16,255}$/)]);
    expect(fake.asked.map(({ headers }) => headers.get('authorization'))).toEqual(['Bearer 1', 'Bearer 2', 'Bearer 3']);
    expect(fake.asked.map(({ url }) => url.slice(-1))).toEqual(['1', '2', '3']);
    expect(await Promise.all(fake.asked.map(({ request }) => request.text()))).toEqual(Array(3).fill('{"a":1}'));
    stream.write(complete(1));
    await connection.result;
  });

  it('is never sent twice once it was answered, even if only the headers came', async () => {
    const { connection } = open({ method: 'POST', body: 'order' });
    (await fake.request(1)).stream(IDS).cut();
    await settle();
    await passes(2_000);
    const { asked, stream } = await streamOf(2);
    expect(asked.headers.get('last-event-id')).toBe(`${KEY}.0`);
    expect(asked.headers.has('idempotency-key')).toBe(false);
    stream.write(complete(1));
    await connection.result;
  });

  it('keeps its own idempotency key where one is given', async () => {
    const { connection } = open({ idempotencyKey: 'order-7' });
    const { asked, stream } = await streamOf(1);
    expect(asked.headers.get('idempotency-key')).toBe('order-7');
    stream.write(complete(1));
    await connection.result;
  });

  it('that is answered 202 attaches where the answer says, with GET', async () => {
    const { connection } = open({ method: 'POST', body: 'order' });
    const location = { Location: 'http://tasks.test/events?resume_key=k', ...IDS };
    (await fake.request(1)).answer(202, location, '{}');
    const { asked, stream } = await streamOf(2);
    expect([asked.method, asked.url, asked.headers.get('last-event-id')]).toEqual([
      'GET',
      location.Location,
      `${KEY}.0`,
    ]);
    stream.write(complete(1));
    await connection.result;
  });
});

describe('a stream that', () => {
  it.each([
    ['is reset', (stream: FakeStream) => stream.cut()],
    ['ends without a terminal event', (stream: FakeStream) => stream.end()],
    [
      'ends in the middle of an event',
      (stream: FakeStream) => {
        stream.write(`data: {"step":2}\nid: ${KEY}.2\n`);
        stream.end();
      },
    ],
  ])('%s goes on at its position, and what comes again is dropped', async (_how, stop) => {
    const { connection, events, states } = open();
    const first = await streamOf(1);
    first.stream.write(frame(1, 1));
    await settle();
    stop(first.stream);
    await settle();
    expect(connection.state).toBe('waiting');
    await passes(1_000); // retry: 1000, of which the jitter takes all
    const second = await streamOf(2, 1);
    expect(second.asked.headers.get('last-event-id')).toBe(`${KEY}.1`);
    second.stream.write(frame(1, 1) + frame(2, 2) + complete(3));
    await connection.result;
    expect(events.map((event) => 'seq' in event && event.seq)).toEqual([1, 2, 3]);
    expect(states).toEqual(['open', 'waiting', 'connecting', 'open', 'closed']);
  });

  it('arrives byte by byte gives the same events', async () => {
    const { connection, events } = open();
    const { stream } = await streamOf(1);
    for (const byte of new TextEncoder().encode(frame(1, 'Boxkämpfer 🥊') + complete(2))) {
      stream.write(new Uint8Array([byte]));
    }
    await connection.result;
    expect(events[0]).toEqual({ kind: 'progress', seq: 1, data: 'Boxkämpfer 🥊' });
  });

  it('is silent is given up after watchdogMs; heartbeats count', async () => {
    const { connection } = open({ watchdogMs: 10_000 });
    const { asked, stream } = await streamOf(1);
    for (let beat = 0; beat < 5; beat++) {
      await passes(9_999);
      stream.write(': heartbeat\n\n');
      await settle();
    }
    expect([fake.asked.length, asked.signal.aborted]).toEqual([1, false]);
    await passes(9_999);
    expect(asked.signal.aborted).toBe(false);
    await passes(1);
    expect(asked.signal.aborted).toBe(true);
    await passes(1_000);
    (await streamOf(2)).stream.write(complete(1));
    await connection.result;
  });

  it('reports a gap and goes on at the position that it names, also where that is earlier', async () => {
    const gaps: unknown[] = [];
    const { connection, events } = open({ onGap: (gap) => gaps.push(gap) });
    const { stream } = await streamOf(1);
    stream.write(frame(12, { from: 1, to: 12, reason: 'trimmed' }, 'gap') + frame(13, 'a'));
    stream.write(frame(5, { from: 6, to: 13, reason: 'ahead' }, 'gap') + frame(6, 'b') + complete(7));
    await connection.result;
    expect(gaps).toEqual([
      { kind: 'gap', from: 1, to: 12, reason: 'trimmed' },
      { kind: 'gap', from: 6, to: 13, reason: 'ahead' },
    ]);
    expect(events.map((event) => ('seq' in event ? event.seq : event.reason))).toEqual(['trimmed', 13, 'ahead', 6, 7]);
  });

  it('begins with a snapshot goes on behind it', async () => {
    const { connection, events } = open();
    const { stream } = await streamOf(1);
    stream.write(frame(20, { sum: 210 }, 'snapshot') + frame(20, 'old') + frame(21, 'new') + complete(22));
    await connection.result;
    expect(events.map(({ kind }) => kind)).toEqual(['snapshot', 'progress', 'complete']);
  });

  it('carries lines that do not belong to the protocol goes on undisturbed', async () => {
    const { connection, events } = open();
    const { stream } = await streamOf(1);
    stream.write(`data: no id\n\ndata: 1\nid: 7\n\nfoo: bar\n\n: comment\n\n${complete(1)}`);
    await connection.result;
    expect(events.map(({ kind }) => kind)).toEqual(['complete']);
  });
});
