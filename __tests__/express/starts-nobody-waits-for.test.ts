/** Starts whose client leaves, or is answered by somebody else, while one of their steps takes its time. */
import { once } from 'node:events';
import http from 'node:http';
import http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { createTaskManager, type TaskManager } from '../../lib/index.js';
import { AsyncStore } from '../model/async-store.js';
import { controlledJob } from '../support/jobs/controlled-job.js';
import { ProcessGuard } from '../support/processes/process-guard.js';

type Listener = (req: http.IncomingMessage, res: http.ServerResponse) => void;

/** The steps of a start, in order. `find` asks the store what runs in the slot. */
const STEPS = ['owner', 'slot', 'find', 'input', 'create'] as const;
type Step = (typeof STEPS)[number];

const turns = async (count: number): Promise<void> => {
  for (let turn = 0; turn < count; turn++) await new Promise(setImmediate);
};

/** Holds one step of a start, and notes which ones were begun. */
class HeldStart {
  readonly begun: string[] = [];
  #reach: (() => void) | undefined;
  #pass: (() => void) | undefined;
  readonly reached = new Promise<void>((resolve) => (this.#reach = resolve));
  readonly #gate = new Promise<void>((resolve) => (this.#pass = resolve));
  readonly job = controlledJob();
  readonly tasks: TaskManager;
  readonly listener: Listener;

  constructor(
    readonly held: Step,
    way: 'handler' | 'executeWithSSE',
  ) {
    const store = new AsyncStore(
      (operation) => this.#step(operation),
      () => Promise.resolve(),
    );
    this.tasks = createTaskManager({ store: store.store, owner: () => this.#answer('owner') });
    const slot = (): string => this.#answer('slot') as unknown as string;
    const input = (): Promise<string> => this.#answer('input');
    const handler = this.tasks.handler(this.job.job, { slot, input, subscriberId: () => 'phone' });
    const next = (error: unknown): never => {
      throw error;
    };
    this.listener = (req, res) => {
      if (way === 'handler') handler(req, res, next);
      else void this.#execute(req, res);
    };
  }

  async #execute(req: http.IncomingMessage, res: http.ServerResponse): Promise<void> {
    const slot = (): string => this.#answer('slot') as unknown as string;
    try {
      await (await this.tasks.executeWithSSE(req, undefined, 'phone', this.job.job, { slot })).pipe(res);
    } catch (error) {
      expect(error).toMatchObject({ code: 'REQUEST_OVER' });
    }
  }

  pass(): void {
    this.#pass?.();
  }

  async #answer(step: Step): Promise<string> {
    await this.#step(step);
    return step;
  }

  /** Takes a few turns of the event loop, as a question to somewhere else does. */
  async #step(step: string): Promise<void> {
    this.begun.push(step);
    if (step === this.held) {
      this.#reach?.();
      await this.#gate;
    }
    await turns(3);
  }
}

/** Serves with one kind of front. `leave` ends the request from the client's side. */
interface Front {
  readonly port: number;
  readonly close: () => void;
}

const FRONTS: [name: string, serve: (listener: Listener) => Promise<Front>, protocol: 1 | 2][] = [
  ['Express', (listener) => listen(http.createServer(express().use(listener as express.RequestHandler))), 1],
  ['node:http', (listener) => listen(http.createServer(listener)), 1],
  ['node:http2', (listener) => listen(http2.createServer(listener as never)), 2],
];

async function listen(server: http.Server | http2.Http2Server): Promise<Front> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { port: (server.address() as AddressInfo).port, close: () => server.close() };
}

/** Sends a request, and returns what ends it from the client's side. */
function ask(port: number, protocol: 1 | 2, headers: Record<string, string>): { leave: () => void; close: () => void } {
  if (protocol === 1) {
    const request = http.get({ port, host: '127.0.0.1', agent: false, headers }).on('error', () => undefined);
    request.on('response', (response) => response.resume());
    return { leave: () => request.destroy(), close: () => request.destroy() };
  }
  const session = http2.connect(`http://127.0.0.1:${port}`);
  const stream = session.request({ ':path': '/', ...headers }).on('error', () => undefined);
  stream.resume();
  return { leave: () => stream.close(http2.constants.NGHTTP2_CANCEL), close: () => session.destroy() };
}

let guard: ProcessGuard;
const closing: (() => unknown)[] = [];
beforeEach(() => {
  guard = new ProcessGuard();
});
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
  await turns(2);
  expect(guard.take()).toEqual([]);
  guard.close();
});

/** Lets a start reach a step, ends the request there, and lets the start go on. */
async function endAt(
  step: Step,
  way: 'handler' | 'executeWithSSE',
  how: string,
  front: (typeof FRONTS)[number],
  headers = {},
) {
  const start = new HeldStart(step, way);
  let response: http.ServerResponse | undefined;
  const { port, close } = await front[1]((req, res) => {
    response = res;
    start.listener(req, res);
  });
  const client = ask(port, front[2], headers);
  closing.push(() => start.tasks.stop(), client.close, close);
  await start.reached;
  const over = once(response!, how === 'leaves' ? 'close' : 'finish');
  if (how === 'leaves') client.leave();
  else response!.writeHead(503).end('too late');
  await over;
  start.pass();
  await turns(30);
  return start;
}

describe.each(FRONTS)('on %s', (...front) => {
  describe.each(['leaves', 'is answered by a time-out'])('where the client %s', (how) => {
    const cases = STEPS.flatMap((step) => [
      ['handler', step] as const,
      ...(step === 'input' ? [] : [['executeWithSSE', step] as const]),
    ]);

    it.each(cases)('a start by %s goes no further than the step that it was at: %s', async (way, step) => {
      const { begun, job, tasks } = await endAt(step, way, how, front);
      const upTo = STEPS.slice(0, STEPS.indexOf(step) + 1).filter((each) => way === 'handler' || each !== 'input');
      // A task that was created meanwhile is cancelled before its job begins.
      expect(begun).toEqual(step === 'create' ? [...upTo, 'finish'] : upTo);
      expect(job.calls).toBe(0);
      const created = step === 'create' ? 1 : 0;
      expect(tasks.getStatistics()).toMatchObject({ running: 0, started: created, cancelled: created });
    });

    it('a start with an idempotency key goes on, since its client comes back with that', async () => {
      const { job, tasks } = await endAt('owner', 'handler', how, front, { 'idempotency-key': 'order-7' });
      expect(job.calls).toBe(1);
      expect(tasks.getStatistics()).toMatchObject({ running: 1, started: 1 });
    });
  });
});
