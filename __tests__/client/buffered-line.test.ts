import { settle } from '../support/clients/fake-fetch.js';
import { complete, frame, IDS, open, passes, task, useFakeServer } from '../support/servers/fake-task-server.js';
import { Items } from '../support/clients/task-storage.js';

const { fake } = useFakeServer();
const ITEM = 'buffered:http://tasks.test';

/** Two attempts that bring no byte. */
async function staySilent(options: Parameters<typeof open>[0]) {
  const opened = open(options);
  for (const attempt of [1, 2]) {
    const { headers, signal } = await fake.request(attempt);
    expect(headers.has('prefer')).toBe(false);
    await passes(7_999);
    expect(signal.aborted).toBe(false);
    await passes(1);
    expect(signal.aborted).toBe(true);
    await passes(2_000 * attempt);
  }
  return opened;
}

it('after two attempts without a byte for 8 s it asks for bounded answers, says so, and remembers the origin', async () => {
  const storage = new Items();
  const { connection, details, events } = await staySilent({ storage });
  expect(details.flatMap(({ cause }) => (cause as { code?: string } | undefined)?.code ?? [])).toEqual([
    'UNANSWERED',
    'BUFFERED',
  ]);
  const start = await fake.request(3);
  expect(start.headers.get('prefer')).toBe('wait=20');
  expect(storage.items.has(ITEM)).toBe(false); // the server may have been down
  start.stream(IDS).end(task() + frame(1, 'a') + frame(2, 'b'));
  // The end of a bounded answer is no failure: the next is asked for at once.
  const next = await fake.request(4);
  expect([next.headers.get('prefer'), next.headers.get('last-event-id')?.slice(-2)]).toEqual(['wait=20', '.2']);
  await passes(20_000);
  next.stream(IDS).end(`${task(2)}: wait\n\n`);
  const last = await fake.request(5);
  last.stream(IDS).end(task(2) + complete(3));
  await connection.result;
  expect(events).toHaveLength(3);

  const later = open({ storage });
  expect((await fake.request(6)).headers.get('prefer')).toBe('wait=20');
  later.connection.close();
  await settle();
  await passes(3_600_000);
  const muchLater = open({ storage });
  expect((await fake.request(7)).headers.has('prefer')).toBe(false);
  muchLater.connection.close();
  await settle();
});

it('a bounded answer may take as long as it was asked to, and its connection as long as watchdogMs', async () => {
  const { connection } = open({ bounded: true, watchdogMs: 10_000 });
  const { signal, headers } = await fake.request(1);
  expect(headers.get('prefer')).toBe('wait=20');
  await passes(29_999);
  expect(signal.aborted).toBe(false);
  await passes(1);
  expect(signal.aborted).toBe(true);
  connection.close();
  await settle();
});

it('answers that end at once without an event are asked for with pauses', async () => {
  const { connection, states } = open({ bounded: true });
  (await fake.request(1)).stream(IDS).end(task());
  (await fake.request(2)).stream(IDS).end(task()); // at once: the first said which task it is
  await settle();
  expect([fake.asked.length, states.at(-1)]).toEqual([2, 'waiting']);
  connection.close();
  await settle();
});

it('the client never asks for bounded answers with bufferedLines off', async () => {
  const { connection } = open({ bounded: false, watchdogMs: 10_000 });
  for (const attempt of [1, 2, 3]) {
    expect((await fake.request(attempt)).headers.has('prefer')).toBe(false);
    await passes(40_000);
  }
  connection.close();
  await settle();
});
