// From the request that starts a task to the first byte of its stream, over a bare Express route that writes one event
// and ends. One request at a time, each over a connection of its own that is open already.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import express from 'express';
import { Actor } from '../harness/actor.js';
import { median } from '../harness/figures.js';
import { createTaskManager, listen } from '../harness/manager.js';
import { judge } from '../harness/rows.js';

const MAX_OVER_MS = 0.3;
const WAYS = ['express', 'ours'];

// The server's process.
export async function serve() {
  const manager = createTaskManager({ ttlMs: 1 });
  const bare = (_, res) => {
    res.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' });
    res.write('data: {"step":1}\n\n');
    setImmediate(() => res.end());
  };
  const job = async ({ updateProgress }) => void (await updateProgress({ step: 1 }));
  return listen(createServer(express().get('/express', bare).get('/ours', manager.handler(job))));
}

// The load's process.
async function firstByteMs(port, way) {
  const socket = connect({ port, host: '127.0.0.1' }).setNoDelay(true);
  await once(socket, 'connect');
  const began = performance.now();
  socket.write(`GET /${way} HTTP/1.1\r\nHost: bench\r\nAccept: text/event-stream\r\n\r\n`);
  let text = '';
  let spent;
  for await (const bytes of socket) {
    text += bytes.latin1Slice();
    if (spent === undefined && text.length > text.indexOf('\r\n\r\n') + 4) spent = performance.now() - began;
    if (text.endsWith('\r\n0\r\n\r\n')) break;
  }
  if (!text.startsWith('HTTP/1.1 200') || !text.includes('data: {"step":1}')) throw new Error(text);
  return spent;
}

/** p50 in ms of `count` requests each way, in turn. */
export async function measure(port, count) {
  const spent = Object.fromEntries(WAYS.map((way) => [way, []]));
  for (let i = 0; i < count; i++) for (const way of WAYS) spent[way].push(await firstByteMs(port, way));
  return Object.fromEntries(WAYS.map((way) => [way, median(spent[way])]));
}

export async function run({ quick }) {
  const server = await Actor.spawn(import.meta.url, 'server');
  const load = await Actor.spawn(import.meta.url, 'load');
  const port = await server.call('serve');
  const samples = { ours: [], express: [] };
  const count = quick ? 50 : 500;
  await load.call('measure', port, 4 * count); // compiles both
  for (let round = 0; round < (quick ? 1 : 5); round++) {
    const figures = await load.call('measure', port, count);
    for (const way of WAYS) samples[way].push(figures[way]);
  }
  await Promise.all([server.exit(), load.exit()]);
  const targets = [{ over: 'express', plus: MAX_OVER_MS }];
  return [judge({ workload: 'start to first byte, p50', unit: 'ms', samples, targets })];
}
