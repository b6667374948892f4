// What React adds to a long stream: `useTask` and `streamTask` read the same 100,000 events in turn, from a server in a process
// of its own. `npm run bench:react`; `--quick` makes it small: then the figures mean nothing.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { parseArgs } from 'node:util';
import { JSDOM } from 'jsdom';

const { values } = parseArgs({ options: { quick: { type: 'boolean' }, serve: { type: 'boolean' } } });
const EVENTS = values.quick ? 5_000 : 100_000;
const ROUNDS = values.quick ? 2 : 7;
const KEY = 'A'.repeat(22);

/** Answers every request with all events, as the library writes them. */
async function serve() {
  const frames = Array.from(
    { length: EVENTS },
    (_, at) => `data: {"step":${at + 1},"message":"What a job says of itself"}\nid: ${KEY}.${at + 1}\n\n`,
  );
  const body = Buffer.from(
    `event: task\ndata: {"task_id":"t","position":0}\nid: ${KEY}.0\n\n${frames.join('')}` +
      `event: complete\ndata: {"result":"done"}\nid: ${KEY}.${EVENTS + 1}\n\n`,
  );
  const server = createServer((_req, res) => {
    res.writeHead(200, { 'Content-Type': 'text/event-stream', 'X-Resume-Key': KEY });
    res.end(body);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  process.send(`http://127.0.0.1:${server.address().port}/report`);
}

/** Runs `work` and returns its CPU time, in ms, and what the heap holds more after it, in MB. */
async function measure(work) {
  globalThis.gc();
  const before = process.memoryUsage().heapUsed;
  const cpu = process.cpuUsage();
  const end = await work();
  const { user, system } = process.cpuUsage(cpu);
  globalThis.gc();
  const heapMb = (process.memoryUsage().heapUsed - before) / 2 ** 20;
  await end?.();
  return { ms: (user + system) / 1_000, heapMb };
}

const median = (numbers) => [...numbers].sort((a, b) => a - b)[numbers.length >> 1];

async function main() {
  const { window } = new JSDOM('<!doctype html><div id="root"></div>', { pretendToBeVisual: true });
  Object.assign(globalThis, {
    window,
    document: window.document,
    requestAnimationFrame: window.requestAnimationFrame.bind(window),
  });
  process.env.NODE_ENV = 'production';
  const { createElement } = await import('react');
  const { createRoot } = await import('react-dom/client');
  const { streamTask } = await import('../dist/esm/client/index.js');
  const { useTask } = await import('../dist/esm/react/index.js');

  const server = fork(new URL(import.meta.url), ['--serve', ...(values.quick ? ['--quick'] : [])]);
  const [url] = await once(server, 'message');
  let renders = 0;

  const alone = async () => {
    let last = 0;
    const { result } = streamTask(url, { onProgress: ({ step }) => (last = step) });
    await result;
    if (last !== EVENTS) throw new Error(`streamTask has seen ${last} events`);
  };
  const inReact = async () => {
    const root = createRoot(window.document.getElementById('root'));
    let shown;
    await new Promise((resolve) => {
      function Report() {
        const view = useTask(url);
        renders++;
        shown = view;
        if (view.status === 'completed') resolve();
        return createElement('p', null, view.progress?.step);
      }
      root.render(createElement(Report));
    });
    if (shown.progress.step !== EVENTS) throw new Error(`useTask shows ${shown.progress.step}`);
    return () => root.unmount(); // after the heap is measured: this is what a page holds
  };

  await alone();
  await (
    await inReact()
  )();
  renders = 0;
  const rows = { streamTask: [], useTask: [] };
  for (let round = 0; round < ROUNDS; round++) {
    rows.streamTask.push(await measure(alone));
    rows.useTask.push(await measure(inReact));
  }
  for (const [name, runs] of Object.entries(rows)) {
    const times = runs.map(({ ms }) => Math.round(ms));
    console.log(
      `${name}: median ${median(times)} ms of CPU for ${EVENTS} events (${times.join(', ')}), ` +
        `holds ${Math.max(...runs.map(({ heapMb }) => heapMb)).toFixed(1)} MB at most`,
    );
  }
  const ratio = median(rows.useTask.map(({ ms }) => ms)) / median(rows.streamTask.map(({ ms }) => ms));
  console.log(`useTask / streamTask: ${ratio.toFixed(2)} (at most 1.5), ${Math.round(renders / ROUNDS)} renders a run`);
  server.kill();
  window.close();
}

await (values.serve ? serve() : main());
