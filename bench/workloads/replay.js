// A long log to one client over a real socket, against one res.write per event on plain http (which waits for `drain`
// when it is told to) and a client that resumable-stream brings back. The reader checks every seq.
import { createServer } from 'node:http';
import { Socket } from 'node:net';
import { Actor } from '../harness/actor.js';
import { cpuMicros, integer, nowMicros } from '../harness/figures.js';
import { createTaskManager, listen } from '../harness/manager.js';
import { Reader, request } from '../harness/reader.js';
import { judge } from '../harness/rows.js';
import { KEY } from '../ways/key.js';
import { RESUMABLE_STREAM } from '../ways/peers.js';
import { askAgain, createContext } from '../ways/resumable-stream.js';

const TARGET = 8;
/** Short ones are read more often. */
const TURNS = ['raw', 'ours', 'ours', ...RESUMABLE_STREAM, 'ours', 'ours', 'raw'];
const HEADERS = { 'Content-Type': 'text/event-stream' };

// The server's process.
const payload = (i, events) => ({ step: i, total: events, message: 'Row checked' });

function rawServer(frames) {
  return createServer((_, res) => {
    res.writeHead(200, HEADERS);
    let next = 0;
    const write = () => {
      while (next < frames.length) if (!res.write(frames[next++])) return void res.once('drain', write);
      res.end();
    };
    write();
  });
}

async function resumableServer(frames) {
  const context = await createContext();
  const source = new ReadableStream({
    start: (controller) => frames.forEach((frame) => controller.enqueue(frame.toString())), // and stays open
  });
  const reader = (await context.resumableStream('s', () => source)).getReader();
  for (let i = 0; i < frames.length; i++) await reader.read();
  return createServer(async (_, res) => {
    res.writeHead(200, HEADERS);
    const stream = await askAgain(() => context.resumableStream('s'));
    for await (const text of stream) res.write(text);
  });
}

async function ourServer(events) {
  const manager = createTaskManager({ maxEventsPerTask: events + 1, maxBytesPerTask: 2 ** 26 });
  let started;
  const server = createServer(async (req, res) => {
    const stream = await manager.executeWithSSE(req, started?.resumeKey, undefined, job);
    started ??= stream;
    await stream.pipe(res);
  });
  const filled = new Promise((resolve) => (job.done = resolve));
  async function job({ updateProgress }) {
    for (let i = 1; i <= events; i++) await updateProgress(payload(i, events));
    job.done();
  }
  const starter = new Reader({ port: await listen(server) });
  await filled;
  await starter.closed;
  return server;
}

/** The ports of all ways, when the log is full. */
export async function serve(events) {
  const frames = Array.from({ length: events }, (_, i) =>
    Buffer.from(`data: ${JSON.stringify(payload(i + 1, events))}\nid: ${KEY}.${i + 1}\n\n`),
  );
  const ours = await ourServer(events);
  const ports = { ours: ours.address().port, raw: await listen(rawServer(frames)) };
  for (const peer of RESUMABLE_STREAM) ports[peer] = await listen(await resumableServer(frames));
  return ports;
}

export const cpu = cpuMicros;

// The load's process.
/** Where a whole replay fits in: memory that was touched before, so that the reader does not wait for pages. */
const received = Buffer.alloc(2 ** 25, 1);
const READ_BYTES = 2 ** 18;
const TAIL_BYTES = 1_024;

/** Millions of events a second. What came is looked at afterwards, or the reader would be what is measured. */
export async function read(port, events) {
  let length = 0;
  let start;
  let socket;
  const last = `.${events}\n\n`;
  await new Promise((resolve, reject) => {
    const callback = (count, bytes) => {
      start ??= nowMicros();
      bytes.copy(received, length, 0, count);
      length += count;
      if (received.latin1Slice(Math.max(0, length - TAIL_BYTES), length).includes(last)) resolve();
      return true;
    };
    socket = request({ port, onread: { buffer: Buffer.alloc(READ_BYTES), callback } });
    socket.on('close', () => reject(new Error('cut off')));
  });
  const spent = nowMicros() - start;
  socket.destroy();
  const reader = new Reader({ socket: new Socket() });
  reader.feed(received.subarray(0, length));
  reader.assertExact();
  if (reader.lastSeq < events || reader.events !== reader.lastSeq) throw new Error(`${reader.events} events`);
  return events / spent;
}

// The main process.
export async function run({ quick }) {
  const events = quick ? 20_000 : 200_000;
  const server = await Actor.spawn(import.meta.url, 'server');
  const load = await Actor.spawn(import.meta.url, 'load');
  const ports = await server.call('serve', events);
  const samples = {};
  for (let round = -1; round < (quick ? 1 : 7); round++) {
    const rates = {};
    for (const way of TURNS) (rates[way] ??= []).push(await load.call('read', ports[way], events));
    if (round < 0) continue;
    for (const [way, each] of Object.entries(rates)) {
      (samples[way] ??= []).push(each.reduce((sum, rate) => sum + rate) / each.length);
    }
  }
  await Promise.all([server.exit(), load.exit()]);
  const targets = [{ over: 'raw', least: TARGET }, ...RESUMABLE_STREAM.map((over) => ({ over }))];
  const workload = `replay of ${integer(events)} events to one client`;
  return [judge({ workload, unit: 'million events/s', samples, targets })];
}
