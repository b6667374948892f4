// The clients' process of an Audience.
import { setTimeout as sleep } from 'node:timers/promises';
import { Histogram, nowMicros } from './figures.js';
import { Reader, openReaders, request } from './reader.js';

const SILENCE_MS = 15_000;
const latencies = new Histogram();
let readers = [];
const never = [];

/** @param replayed how many events each of them gets first, that were sent before */
export async function attach(count, replayed, options) {
  const onTime = (t) => latencies.add(nowMicros() - t);
  const attached = await openReaders(count, { ...options, onTime });
  readers.push(...attached);
  await unlessSilent(Promise.all(attached.map((reader) => reader.counted(replayed))));
  for (const reader of attached) reader.events -= replayed;
}

/** Clients that ask for the stream and take nothing of it. */
export function attachNever(count, options) {
  for (let i = 0; i < count; i++) never.push(request(options).pause());
}

export function dropNever() {
  for (const socket of never) socket.destroy();
}

const total = () => readers.reduce((sum, { events }) => sum + events, 0);

/** Each has exactly `count` events more than at the last call, or will. */
export async function received(count) {
  await unlessSilent(Promise.all(readers.map((reader) => reader.counted(count))));
  const wrong = readers.find(({ events }) => events !== count);
  if (wrong !== undefined) throw new Error(`${wrong.events} events instead of ${count}`);
  for (const reader of readers) reader.events = 0;
}

/** All of them together have exactly `count` events more. */
export async function receivedInAll(count) {
  const all = async () => {
    while (total() < count) await sleep(2);
  };
  await unlessSilent(all());
  for (const reader of readers) reader.assertExact();
  if (total() !== count) throw new Error(`${total()} events instead of ${count}`);
  for (const reader of readers) reader.events = 0;
}

/** Rejects where nothing has come for a while: then an event is lost. */
async function unlessSilent(done) {
  const over = new AbortController();
  const watch = async () => {
    for (let before = -1, now; before !== (now = total()); before = now) {
      await sleep(SILENCE_MS, undefined, { signal: over.signal });
    }
    const { events, lastSeq, broken } = readers.reduce((least, each) => (each.events < least.events ? each : least));
    throw new Error(`silence; one client has ${events} events, the last is ${lastSeq}; ${broken ?? 'none is missing'}`);
  };
  await Promise.race([done, watch()]).finally(() => over.abort());
}

/** p50 and p99 of the deliveries since the last call, in ms. */
export function latency() {
  const [p50, p99] = [0.5, 0.99].map((q) => latencies.quantile(q));
  latencies.clear();
  return { p50, p99 };
}

/** Cuts every connection. */
export async function cut() {
  for (const { socket } of readers) socket.destroy();
  await Promise.all(readers.map(({ closed }) => closed));
}

/** All come back at once, each from where it was; ms until the last one has the `missed` events. */
export async function comeBack(port, missed) {
  const began = performance.now();
  const returning = readers.map(({ head, epoch, lastSeq }) => {
    const id = /x-client-id: (\S+)/i.exec(head)?.[1] ?? '';
    return new Reader({ port, path: `/stream?client_id=${id}&last_event_id=${epoch}.${lastSeq}` });
  });
  readers = returning;
  await unlessSilent(Promise.all(returning.map((reader) => reader.counted(missed))));
  const wrong = returning.find(({ events, gaps }) => events !== missed || gaps.length > 0);
  if (wrong !== undefined) throw new Error(`${wrong.events} events instead of ${missed}, gaps ${wrong.gaps.length}`);
  const spent = performance.now() - began;
  for (const reader of readers) reader.events = 0;
  return spent;
}
