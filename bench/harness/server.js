// The server's process of an Audience.
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import { openWay } from '../ways/index.js';
import { cpuMicros, nowMicros, settledMemory } from './figures.js';
import { listen } from './manager.js';

let way;
let sockets;

export async function serve(name, options) {
  way = await openWay(name, options);
  sockets = new Set();
  way.server.on('connection', (socket) => sockets.add(socket.on('close', () => sockets.delete(socket))));
  return listen(way.server);
}

export const cpu = cpuMicros;
export const memory = settledMemory;

/**
 * Whoever has their headers is among those who get the next event: some ways see to that a turn later. And what they hold
 * is where the garbage collector puts what lives long.
 */
export async function settle() {
  await turn();
  await turn();
  globalThis.gc();
}

const payload = (i, of) => ({ t: nowMicros(), step: i, total: of, message: 'Row checked' });

/** To all: `perTick` events at a time, `ticks` times. */
export async function produce({ perTick, ticks, gapMs }) {
  for (let tick = 0; tick < ticks; tick++) {
    for (let i = 0; i < perTick; i++) way.broadcast(payload(i, perTick));
    if (gapMs > 0) await sleep(gapMs);
    else await turn();
  }
}

/** To each by itself: one event every `periodMs`, each at its own time in it, `times` times. */
export async function produceEach({ times, periodMs }) {
  const { sources } = way;
  const start = performance.now();
  const perMs = sources.length / periodMs;
  for (let sent = 0; sent < times * sources.length;) {
    const due = Math.min(times * sources.length, Math.floor((performance.now() - start) * perMs));
    for (; sent < due; sent++) sources[sent % sources.length](payload(Math.floor(sent / sources.length), times));
    await sleep(1);
  }
}

/** `perSecond` events for `seconds`, each to a random one of the clients; how many each of them is sent. */
export async function produceRandom({ perSecond, seconds }) {
  const { sources } = way;
  const start = performance.now();
  for (let sent = 0; sent < perSecond * seconds;) {
    const due = Math.min(perSecond * seconds, Math.floor(((performance.now() - start) * perSecond) / 1_000));
    for (; sent < due; sent++) sources[Math.floor(Math.random() * sources.length)](payload(sent, due));
    await sleep(1);
  }
}

/** Large messages to the clients from `first` on, each by itself, until none of them takes anything any more. */
export async function stall(first, bytes) {
  const slow = way.sources.slice(first);
  const text = 'x'.repeat(bytes);
  while (stalled() < slow.length) {
    for (const send of slow) send({ text });
    await sleep(50);
  }
}

/** How many connections take nothing at the moment. */
export const stalled = () => [...sockets].filter(({ writableNeedDrain }) => writableNeedDrain).length;

/** Resolves when so many clients of the hub are connected. */
export async function activeAre(count) {
  while (way.hub.getActiveClientCount() !== count) await sleep(2);
}
