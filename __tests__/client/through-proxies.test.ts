import express from 'express';
import { createServer, request as ask, type IncomingMessage, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { streamTask, type StreamTaskOptions, type TaskEvent } from '../../lib/client/index.js';
import { createTaskManager } from '../../lib/index.js';
import { announceSeed, createRandom, type Random } from '../support/random/random.js';
import { listen } from '../support/http/raw-http.js';

/**
 * The client through proxies that know HTTP and do it harm: `RUNS=200 EVENTS=5000 npx jest through-proxies` for a long run; a
 * few here.
 */
const RUNS = Number(process.env.RUNS ?? 4);
const EVENTS = Number(process.env.EVENTS ?? 400);
const seed = announceSeed('through proxies');

jest.setTimeout(120_000 + RUNS * EVENTS * 10);

/** Answers a request in the place of the server; undefined lets it through. */
type Interference = (random: Random, count: number) => ((res: ServerResponse) => void) | undefined;

const PAGE = '<!doctype html><h1>Something is in the way</h1>';
const STATUSES = [400, 402, 404, 405, 406, 408, 409, 410, 413, 418, 422, 425, 429, 431, 499, 500, 502, 503, 504, 200];

/** Every third request is answered by the proxy itself. */
const everyThird: Interference = (random, count) =>
  count % 3 === 0
    ? (res) => {
        const type = random.pick(['text/html', 'application/json', 'text/plain']);
        res.writeHead(random.pick(STATUSES), { 'Content-Type': type });
        res.end(type === 'application/json' ? '{"message":"no"}' : PAGE);
      }
    : undefined;

/** A proxy that passes an answer on only when all of it is there, or cuts it somewhere, and interferes. */
async function startProxy(
  upstreamPort: number,
  options: { buffers: boolean; interfere?: Interference; random: Random },
) {
  let count = 0;
  const relay = (req: IncomingMessage, res: ServerResponse): void => {
    count++;
    const answer = options.interfere?.(options.random, count);
    if (answer) {
      req.resume();
      answer(res);
      return;
    }
    const { method, url: path, headers } = req;
    const upstream = ask({ port: upstreamPort, host: '127.0.0.1', method, path, headers, agent: false }, (response) => {
      const head = (): unknown => res.writeHead(response.statusCode ?? 502, response.headers);
      if (!options.buffers) {
        head();
        let left = options.random.int(EVENTS, EVENTS * 12);
        response.on('data', (piece: Buffer) => {
          const passed = piece.subarray(0, Math.max(left, 0));
          left -= piece.length;
          res.write(passed, () => left <= 0 && res.destroy());
        });
        response.on('end', () => res.end());
        return;
      }
      const pieces: Buffer[] = [];
      response.on('data', (piece: Buffer) => pieces.push(piece));
      response.on('end', () => {
        head();
        res.end(Buffer.concat(pieces));
      });
    });
    upstream.on('error', () => res.destroy());
    res.on('close', () => upstream.destroy());
    req.pipe(upstream);
  };
  const server = createServer(relay).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: () => count,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

async function runOnce(
  run: number,
  proxyOptions: { buffers: boolean; interfere?: Interference },
  options: StreamTaskOptions,
) {
  const random = createRandom(seed).fork(run);
  const tasks = createTaskManager({ retryMs: 1, publicPath: '/tasks' });
  let starts = 0;
  const job = tasks.handler(async ({ updateProgress }) => {
    starts++;
    for (let n = 1; n <= EVENTS; n++) {
      const committed = updateProgress({ n, text: 'é'.repeat(n % 40) });
      if (random.int(1, 40) === 1) await committed;
      if (random.int(1, 40) === 1) await new Promise((resolve) => setImmediate(resolve));
    }
    return EVENTS;
  });
  const server = await listen(express().use(express.json()).all('/job', job).use('/tasks', tasks.router()));
  const proxy = await startProxy(server.port, { ...proxyOptions, random: random.fork(1) });
  const events: TaskEvent[] = [];
  const method = run % 2 === 0 ? 'GET' : 'POST';
  const body = method === 'POST' ? { body: '{"a":1}', headers: { 'Content-Type': 'application/json' } } : {};
  const connection = streamTask<{ n: number }, number>(`${proxy.url}/job`, {
    ...{ method, ...body, ...(options as object) },
    onEvent: (event) => events.push(event),
  });
  try {
    expect(await connection.result).toBe(EVENTS);
    const numbers = events.flatMap((event) => (event.kind === 'progress' ? [(event.data as { n: number }).n] : []));
    expect(numbers).toEqual(Array.from({ length: EVENTS }, (_, at) => at + 1));
    expect([events.length, starts]).toEqual([EVENTS + 1, 1]);
    return proxy.requests();
  } catch (error) {
    throw new Error(`run ${run} with SEED=${seed}, ${proxy.requests()} requests`, { cause: error });
  } finally {
    connection.close();
    proxy.close();
    await server.close();
    await tasks.stop();
  }
}

it(`the client gets each of ${EVENTS} events once through a proxy that holds whole answers back, in ${RUNS} runs`, async () => {
  let requests = 0;
  for (let run = 0; run < RUNS; run++) requests += await runOnce(run, { buffers: true }, { bounded: true });
  process.stdout.write(`through proxies: ${RUNS} runs behind a buffering proxy, ${requests} requests\n`);
});

it(`the client gets each of ${EVENTS} events once through a proxy that answers every third request itself, in ${RUNS} runs`, async () => {
  let requests = 0;
  for (let run = 0; run < RUNS; run++) requests += await runOnce(run, { buffers: false, interfere: everyThird }, {});
  process.stdout.write(`through proxies: ${RUNS} runs with wrong answers, ${requests} requests\n`);
  expect(requests).toBeGreaterThanOrEqual(RUNS * 2);
});
