import type { IncomingMessage, ServerResponse } from 'node:http';
import { fetchEventSource } from './support/clients/fetch-event-source.js';
import { everyClient, exactClients } from './support/clients/index.js';
import type { ClientDriver } from './support/clients/driver.js';
import { randomCuts } from './support/http/cut-proxy.js';
import { expectExact, findFault } from './support/sse/received-events.js';
import { announceSeed, createRandom } from './support/random/random.js';
import { receiveAll, requestBytes } from './support/http/raw-http.js';
import { useCutServers } from './support/http/cut-servers.js';

/** Each client against a server that is right, and against servers that are not: what it gets wrong must show. */

const seed = announceSeed('support-clients');
const { serve, cutting } = useCutServers();

const KEY = 'Zk3wAAAAAAAAAAAAAAAAAA';
const frame = (n: number, last: number): string =>
  n > last
    ? `event: complete\ndata: {"status":"completed"}\nid: ${KEY}.${n}\n\n`
    : `data: {"step":${n},"text":"zwölf Boxkämpfer 🥊"}\nid: ${KEY}.${n}\n\n`;

/** A finished task of `last` events on the library's wire. `mistake` may change where a cursor leads. */
const logServer =
  (last: number, mistake = (position: number): number => position) =>
  (req: IncomingMessage, res: ServerResponse): void => {
    const cursor = req.headers['last-event-id'];
    const position = cursor === undefined ? 0 : Number(String(cursor).split('.')[1]);
    if (position > last) return void res.writeHead(204).end();
    const start = cursor === undefined || position === 0 ? position : mistake(position);
    res.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' });
    res.write(`retry: 1\nevent: task\ndata: {"position":${position}}\nid: ${KEY}.${position}\n\n: heartbeat\n\n`);
    for (let n = start + 1; n <= last + 1; n++) res.write(frame(n, last));
    res.end();
  };

describe.each(everyClient)('the driver of $name', (driver) => {
  it('gets a whole task and ends on 204', async () => {
    const server = await serve(logServer(50));
    const run = driver.open(server.url);
    expect(await run.ended).toBe('no-content');
    expectExact(run.events, 50);
    expect(run.connections).toBe(2);
    expect(run.events[0]).toEqual({ event: 'task', data: '{"position":0}', id: `${KEY}.0` });
    expect(run.events[1]?.data).toBe('{"step":1,"text":"zwölf Boxkämpfer 🥊"}');
  });

  it.each(['closes', 'resets'])('resumes after its position when the connection %s', async (how) => {
    const kind = how === 'closes' ? 'fin' : 'rst';
    const server = await serve(logServer(200));
    // The cut is inside a data line, away from the one byte that fetch-event-source does not survive.
    const proxy = await cutting(server.port, (connection) =>
      connection === 1 ? { after: 3_000 + how.length, kind } : {},
    );
    const run = driver.open(proxy.url);
    expect(await run.ended).toBe('no-content');
    expectExact(run.events, 200);
    expect(proxy.cuts).toBe(1);
    expect(run.events.filter(({ event }) => event === 'task')).toHaveLength(2);
  });

  it('starts anew when the connection is cut inside the headers', async () => {
    const server = await serve(logServer(5));
    const proxy = await cutting(server.port, (connection) =>
      connection <= 2 ? { after: 20 * connection, kind: 'fin' } : {},
    );
    const run = driver.open(proxy.url);
    expect(await run.ended).toBe('no-content');
    expectExact(run.events, 5);
  });

  it('puts single bytes together again', async () => {
    const server = await serve(logServer(20));
    const proxy = await cutting(server.port, () => ({ chunkBytes: 1 }));
    const run = driver.open(proxy.url);
    await run.ended;
    expectExact(run.events, 20);
  });

  it.each([
    ['skips', (position: number) => position + 1, /is missing/],
    ['repeats', (position: number) => position - 1, /came twice/],
  ])('shows a server that %s an event on resume', async (_what, mistake, fault) => {
    const server = await serve(logServer(100, mistake));
    const proxy = await cutting(server.port, (connection) => (connection === 1 ? { after: 3_000, kind: 'fin' } : {}));
    const run = driver.open(proxy.url);
    await run.ended;
    expect(findFault(run.events, 100)).toMatch(fault);
  });

  it('ends on a 404, and when it is closed', async () => {
    const server = await serve((req, res) => {
      if (req.url === '/gone') res.writeHead(404).end('data: no\n\n');
      else logServer(5)(req, res);
    });
    expect(await driver.open(`${server.url}/gone`).ended).toBe('refused');
    const run = driver.open(server.url, { onEvent: () => run.close() });
    expect(await run.ended).toBe('closed');
  });

  it('delivers events of the names that it is given', async () => {
    const server = await serve((req, res) => {
      if (req.headers['last-event-id'] !== undefined) return void res.writeHead(204).end();
      res
        .writeHead(200, { 'Content-Type': 'text/event-stream' })
        .end(`retry: 1\n\nevent: warning\ndata: 1\nid: ${KEY}.1\n\n`);
    });
    const run = driver.open(server.url, { eventNames: ['warning'] });
    await run.ended;
    expect(run.events).toEqual([{ event: 'warning', data: '1', id: `${KEY}.1` }]);
  });
});

it.each(exactClients)('$name gets every event once over random cuts', async (driver) => {
  const server = await serve(logServer(400));
  const random = createRandom(seed);
  const proxy = await cutting(
    server.port,
    randomCuts(random, { maxBytes: 4_000, chunkSizes: [undefined, undefined, 100, 7] }),
  );
  const run = driver.open(proxy.url);
  await run.ended;
  expectExact(run.events, 400);
  expect(proxy.cuts).toBeGreaterThan(5);
});

describe('a cut between the line of an id and the empty line', () => {
  const run = async (driver: ClientDriver): Promise<string | undefined> => {
    const server = await serve((req, res) => logServer(10)(req, res.setHeader('Connection', 'close')));
    const response = (await receiveAll(server.port, requestBytes('GET', '/'))).bytes.toString('latin1');
    const line = `id: ${KEY}.4\n`;
    const after = response.indexOf(line) + line.length;
    const proxy = await cutting(server.port, (connection) => (connection === 1 ? { after, kind: 'fin' } : {}));
    const client = driver.open(proxy.url);
    await client.ended;
    return findFault(client.events, 10);
  };

  it.each(exactClients)('costs $name nothing', async (driver) => {
    expect(await run(driver)).toBeUndefined();
  });

  it('costs fetch-event-source the event', async () => {
    expect(await run(fetchEventSource)).toMatch(/^4 is missing/);
  });
});
