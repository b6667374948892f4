import express from 'express';
import { streamTask, type TaskEvent } from '../../lib/client/index.js';
import { createTaskManager } from '../../lib/index.js';
import { randomCuts, startCutProxy } from '../support/http/cut-proxy.js';
import { expectExact, type ReceivedEvent } from '../support/sse/received-events.js';
import { emitInBursts, stepAt } from '../support/jobs/bursts.js';
import { Counter } from '../support/jobs/flow.js';
import { announceSeed, createRandom, type Random } from '../support/random/random.js';
import { listen } from '../support/http/raw-http.js';

/**
 * The library's own client, wherever its connections break: `RUNS=200 EVENTS=5000 npx jest client/every-event-once` makes the
 * 200 runs of 5,000 events; a few here.
 */
const RUNS = Number(process.env.RUNS ?? 6);
const EVENTS = Number(process.env.EVENTS ?? 1_000);
const AT_ONCE = 4;
const STALLED_MS = 20_000;
/** Every event is longer than 80 bytes, so no run gets by with fewer than ten connections. */
const LONGEST_CONNECTION = EVENTS * 8;
const LEAST_CUTS = 9;

interface Step {
  n: number;
}

const seed = announceSeed('client, every event once');
jest.setTimeout(120_000 + RUNS * EVENTS * 5);

it(`streamTask gets each of ${EVENTS} events once in each of ${RUNS} runs, and starts each task once`, async () => {
  const random = createRandom(seed);
  let cuts = 0;
  for (let first = 0; first < RUNS; first += AT_ONCE) {
    const batch = Array.from({ length: Math.min(AT_ONCE, RUNS - first) }, (_, offset) => first + offset);
    for (const made of await Promise.all(batch.map((run) => runOnce(run, random.fork(run))))) cuts += made;
    if (RUNS > 50) process.stdout.write(`client, every event once: ${first + batch.length} runs, ${cuts} cuts\n`);
  }
  process.stdout.write(`client, every event once: ${RUNS} runs of ${EVENTS} events, ${cuts} cuts\n`);
});

/** GET and POST in turn, followed by callbacks and by a loop at once. */
async function runOnce(run: number, random: Random): Promise<number> {
  const method = run % 2 === 0 ? 'GET' : 'POST';
  const tasks = createTaskManager({ retryMs: 1 });
  // In every other pair of runs the job keeps close to the client; otherwise the client mostly replays.
  const lead = run % 4 < 2 ? random.int(1, 100) : Infinity;
  const seen = new Counter();
  const inputs: unknown[] = [];
  const job = tasks.handler(async (context) => {
    inputs.push((context.input as { body: unknown }).body);
    await emitInBursts(context, { events: EVENTS, lead, seen, random });
    return { events: EVENTS };
  });
  const server = await listen(express().use(express.json()).all('/job', job));
  const plan = randomCuts(random, {
    maxBytes: LONGEST_CONNECTION,
    chunkSizes: [undefined, undefined, undefined, undefined, 500, 50, 3],
  });
  const proxy = await startCutProxy({ upstreamPort: server.port, plan });

  const called: TaskEvent[] = [];
  const connection = streamTask<Step, { events: number }>(`${proxy.url}/job`, {
    method,
    ...(method === 'POST' ? { body: JSON.stringify({ run }), headers: { 'Content-Type': 'application/json' } } : {}),
    onEvent(event) {
      watchdog.refresh();
      called.push(event);
      if (event.kind === 'progress') seen.add(1);
    },
  });
  const watchdog = setTimeout(() => connection.close(), STALLED_MS);
  const looped: TaskEvent[] = [];
  try {
    const loop = (async () => {
      for await (const event of connection) looped.push(event);
    })();
    expect(await connection.result).toEqual({ events: EVENTS });
    await loop;
    expectExact(called.map(toReceived), EVENTS);
    expect(looped).toEqual(called);
    const progress = called.filter((event) => event.kind === 'progress');
    expect(progress.map(({ data }) => data)).toEqual(progress.map((_, at) => stepAt(at + 1)));
    expect(inputs).toEqual([method === 'POST' ? { run } : undefined]);
    expect(proxy.cuts).toBeGreaterThanOrEqual(LEAST_CUTS);
    return proxy.cuts;
  } catch (error) {
    throw new Error(`run ${run} with SEED=${seed}, ${proxy.cuts} cuts, ${called.length} events`, { cause: error });
  } finally {
    clearTimeout(watchdog);
    connection.close();
    await proxy.close();
    await server.close();
    await tasks.stop();
  }
}

function toReceived(event: TaskEvent): ReceivedEvent {
  const name = event.kind === 'progress' ? 'message' : event.kind;
  const data = JSON.stringify('data' in event ? event.data : event);
  return { event: name, data, id: `key.${'seq' in event ? event.seq : event.to}` };
}
