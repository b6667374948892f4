import express from 'express';
import { createTaskManager } from '../lib/index.js';
import { exactClients } from './support/clients/index.js';
import type { ClientDriver } from './support/clients/driver.js';
import { randomCuts, startCutProxy } from './support/http/cut-proxy.js';
import { expectExact } from './support/sse/received-events.js';
import { emitInBursts, stepAt } from './support/jobs/bursts.js';
import { Counter } from './support/jobs/flow.js';
import { announceSeed, createRandom, type Random } from './support/random/random.js';
import { listen } from './support/http/raw-http.js';

/**
 * The promise of the library: however often and wherever its connections break, a client gets every event once, in order, then the end
 * of the task, then nothing. A few runs here; `RUNS=40 EVENTS=5000 npx jest every-event-once` makes 200 of 5,000 events, 40 for each client.
 */
const RUNS = Number(process.env.RUNS ?? 5);
const EVENTS = Number(process.env.EVENTS ?? 1_000);
const AT_ONCE = 5;

const STALLED_MS = 10_000;
const LEAST_CUTS = 10;
/** Every event is longer than 80 bytes, so no run gets by with fewer than ten connections. */
const LONGEST_CONNECTION = EVENTS * 8;

const seed = announceSeed('every event once');

jest.setTimeout(120_000 + (RUNS * EVENTS * exactClients.length) / 5);

describe.each(exactClients.map((driver, index) => ({ driver, index, name: driver.name })))(
  '$name',
  ({ driver, index }) => {
    it(`gets each of ${EVENTS} events once in each of ${RUNS} runs`, async () => {
      const random = createRandom(seed).fork(index);
      for (let first = 0; first < RUNS; first += AT_ONCE) {
        const batch = Array.from({ length: Math.min(AT_ONCE, RUNS - first) }, (_, offset) => first + offset);
        await Promise.all(batch.map((run) => runOnce(driver, run, random.fork(run))));
      }
    });
  },
);

async function runOnce(driver: ClientDriver, run: number, random: Random): Promise<void> {
  const tasks = createTaskManager({ retryMs: 1 });
  // In every other run the job keeps close to the client, which follows it live; otherwise the client mostly replays.
  const lead = run % 2 === 0 ? random.int(1, 100) : Infinity;
  const seen = new Counter();
  let starts = 0;
  const job = tasks.handler(async (context) => {
    starts++;
    await emitInBursts(context, { events: EVENTS, lead, seen, random });
    return { events: EVENTS };
  });
  const server = await listen(express().get('/job', job));
  const plan = randomCuts(random, {
    maxBytes: LONGEST_CONNECTION,
    chunkSizes: [undefined, undefined, undefined, undefined, 500, 50, 3],
  });
  const proxy = await startCutProxy({ upstreamPort: server.port, plan });
  // The key is for the case that the first response is cut before its first id: the client cannot name the task yet.
  const client = driver.open(`${proxy.url}/job?idempotency_key=run-${run}`, {
    onEvent: ({ event, data }) => {
      watchdog.refresh();
      if (event !== 'message') return;
      const { n } = JSON.parse(data) as { n: number };
      // The first fault ends the run: a job that waits for a client that is behind for good would hang.
      if (n !== seen.count + 1) client.close();
      else seen.add(1);
    },
  });
  // No event for this long is a fault as well; closing makes the checker say how far the client got.
  const watchdog = setTimeout(() => client.close(), STALLED_MS);
  try {
    const ending = await client.ended;
    expectExact(client.events, EVENTS);
    const progress = client.events.filter(({ event }) => event === 'message');
    expect(progress.map(({ data }) => data)).toEqual(progress.map((_, at) => JSON.stringify(stepAt(at + 1))));
    expect(client.events.at(-1)?.event).toBe('complete');
    expect({ ending, starts }).toEqual({ ending: 'no-content', starts: 1 });
    expect(proxy.cuts).toBeGreaterThanOrEqual(LEAST_CUTS);
  } catch (error) {
    throw new Error(`run ${run} of ${driver.name} with SEED=${seed}, ${proxy.cuts} cuts`, {
      cause: error,
    });
  } finally {
    clearTimeout(watchdog);
    client.close();
    await proxy.close();
    await server.close();
    await tasks.stop({ graceMs: 0 });
  }
}
