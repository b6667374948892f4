import { settle } from '../support/clients/fake-fetch.js';
import { complete, frame, open, passes, useFakeServer } from '../support/servers/fake-task-server.js';

const { streamOf } = useFakeServer();

it('a loop that is slow slows the connection down, and is not taken for silence', async () => {
  const { connection } = open({ watchdogMs: 10_000 });
  const loop = connection[Symbol.asyncIterator]();
  const first = loop.next();
  const { asked, stream } = await streamOf(1);
  let seq = 0;
  const write = (): void => stream.write(frame(++seq, 'x'.repeat(100)));
  for (let count = 0; count < 100; count++) write();
  expect(await first).toMatchObject({ value: { seq: 1 } });
  await settle();
  const unread = stream.unread();
  expect(unread).toBeGreaterThan(50); // of a hundred, little more than the loop may be behind
  await passes(60_000);
  expect(asked.signal.aborted).toBe(false);
  for (let at = 2; at <= 100; at++) expect(await loop.next()).toMatchObject({ value: { seq: at } });
  stream.write(complete(101));
  expect(await loop.next()).toMatchObject({ value: { kind: 'complete' } });
  expect(await connection.result).toBe('done');
});

it('a loop that is left holds nothing back', async () => {
  const { connection, events } = open();
  const loop = connection[Symbol.asyncIterator]();
  const first = loop.next();
  const { stream } = await streamOf(1);
  for (let seq = 1; seq <= 100; seq++) stream.write(frame(seq, seq));
  await first;
  await settle();
  expect(events.length).toBeLessThan(100);
  await loop.return?.();
  stream.write(complete(101));
  await connection.result;
  expect(events).toHaveLength(101);
});

it('a stream that is closed while its loop is behind is closed', async () => {
  const { connection } = open();
  const loop = connection[Symbol.asyncIterator]();
  const first = loop.next();
  const { stream } = await streamOf(1);
  for (let seq = 1; seq <= 100; seq++) stream.write(frame(seq, seq));
  await first;
  connection.close();
  await expect(connection.result).rejects.toMatchObject({ code: 'CLOSED' });
  await settle();
});

it('an event that never ends is given up with a message, and asked for again', async () => {
  const { connection, details } = open({ maxEventBytes: 1_000 });
  const { stream, asked } = await streamOf(1);
  stream.write(frame(1, 'short'));
  for (let count = 0; count < 11; count++) stream.write(`data: ${'x'.repeat(94)}\n`);
  await settle();
  expect(asked.signal.aborted).toBe(true);
  expect(details.at(-1)).toMatchObject({ attempt: 1, cause: { code: 'EVENT_TOO_LARGE' } });
  await passes(1_000);
  const second = await streamOf(2, 1);
  second.stream.write(complete(2));
  await connection.result;
});

it('data that is not JSON counts as a damaged connection: it is reported, and asked for again', async () => {
  const { connection, details } = open();
  const { stream } = await streamOf(1);
  stream.write(frame(1, 'a').replace('"a"', '{"a":'));
  await settle();
  expect(details.at(-1)).toMatchObject({ attempt: 1, cause: { name: 'SyntaxError' } });
  await passes(1_000);
  (await streamOf(2)).stream.write(complete(1));
  await connection.result;
});
