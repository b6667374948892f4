// A long log to one client over a real socket, against one res.write per event on plain http (which waits for `drain`
// when it is told to). Server and reader are processes of their own; the reader checks every seq.
import { createServer } from 'node:http';
import { Socket } from 'node:net';
import { Actor } from '../harness/actor.js';
import { cpuMicros, integer, median, nowMicros } from '../harness/figures.js';
import { createTaskManager, listen } from '../harness/manager.js';
import { Reader, request } from '../harness/reader.js';

const EVENTS = 200_000;
const ROUNDS = 9;
const TARGET = 8;
export const cpu = cpuMicros;

const KEY = 'A'.repeat(22);

const payload = (i) => ({ step: i, total: EVENTS, message: 'Row checked' });

/** In the server process: the ports of both ways, when the log is full. */
export async function serve() {
  const frames = Array.from({ length: EVENTS }, (_, i) =>
    Buffer.from(`data: ${JSON.stringify(payload(i + 1))}\nid: ${KEY}.${i + 1}\n\n`),
  );
  const raw = createServer((_, res) => {
    res.writeHead(200, { 'Content-Type': 'text/event-stream' });
    let next = 0;
    const write = () => {
      while (next < EVENTS) if (!res.write(frames[next++])) return void res.once('drain', write);
      res.end();
    };
    write();
  });

  const manager = createTaskManager({ maxEventsPerTask: EVENTS + 1, maxBytesPerTask: 2 ** 26 });
  let started;
  const ours = createServer(async (req, res) => {
    const stream = await manager.executeWithSSE(req, started?.resumeKey, undefined, job);
    started ??= stream;
    await stream.pipe(res);
  });
  const filled = new Promise((resolve) => (job.done = resolve));
  async function job({ updateProgress }) {
    for (let i = 1; i <= EVENTS; i++) await updateProgress(payload(i));
    job.done();
  }
  const ports = { raw: await listen(raw), ours: await listen(ours) };
  const starter = new Reader({ port: ports.ours });
  await filled;
  await starter.closed;
  return ports;
}

/** Where a whole replay fits in: memory that was touched before, so that the reader does not wait for pages. */
const received = Buffer.alloc(2 ** 25, 1);
const READ_BYTES = 2 ** 18;

/**
 * In the reader's process: how long it took from the first byte to the last, in µs. What came is looked at afterwards,
 * or the reader would be what is measured.
 */
export async function read(port) {
  let length = 0;
  let start;
  await new Promise((resolve, reject) => {
    const callback = (count, bytes) => {
      start ??= nowMicros();
      bytes.copy(received, length, 0, count);
      length += count;
      if (received.latin1Slice(length - 5, length) === '0\r\n\r\n') resolve();
      return true;
    };
    request({ port, onread: { buffer: Buffer.alloc(READ_BYTES), callback } }).on('close', () =>
      reject(new Error('cut off')),
    );
  });
  const spent = nowMicros() - start;
  const reader = new Reader({ socket: new Socket() });
  reader.feed(received.subarray(0, length));
  reader.assertExact();
  const expected = reader.terminal === undefined ? EVENTS : EVENTS + 1;
  if (reader.events !== expected) throw new Error(`${reader.events} events`);
  return spent;
}

export async function run() {
  const server = await Actor.spawn(import.meta.url, { core: 0 });
  const load = await Actor.spawn(import.meta.url, { core: 1 });
  const ports = await server.call('serve');
  const rounds = [];
  for (let round = -1; round < ROUNDS; round++) {
    const measured = { raw: { wall: 0, cpu: 0 }, ours: { wall: 0, cpu: 0 } };
    for (const way of ['raw', 'ours', 'ours', 'ours', 'ours', 'raw']) {
      const before = await server.call('cpu');
      const wall = await load.call('read', ports[way]);
      const share = way === 'raw' ? 2 : 4;
      measured[way].wall += wall / share;
      measured[way].cpu += ((await server.call('cpu')) - before) / share;
    }
    if (round >= 0) rounds.push(measured);
  }
  await Promise.all([server.exit(), load.exit()]);
  const ratio = (figure) => median(rounds.map(({ raw, ours }) => raw[figure] / ours[figure]));
  const rate = (way) => `${integer((EVENTS / median(rounds.map((round) => round[way].wall))) * 1_000)}k/s`;
  return [
    {
      workload: `replay of ${integer(EVENTS)} events to one client`,
      target: `≥ ${TARGET} × the rate of one write per event`,
      figure: `${ratio('wall').toFixed(1)} × (${rate('ours')} : ${rate('raw')}; server CPU ${ratio('cpu').toFixed(1)} × less)`,
      ok: ratio('wall') >= TARGET,
    },
  ];
}
