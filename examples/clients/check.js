// Runs the Python and the curl client through a proxy that cuts every connection, and asserts the exact sequence.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const TOTAL = 1_000;
const path = (name) => fileURLToPath(new URL(name, import.meta.url));
const children = new Set();
process.once('exit', () => children.forEach((child) => child.kill('SIGKILL')));

function run(command, args, env = {}) {
  const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'inherit'] });
  children.add(child);
  child.once('exit', () => children.delete(child));
  return child;
}

/** Cuts the n-th connection after some kilobytes, by turns with a reset and an orderly end, at any byte of a frame. */
async function startCuttingProxy(upstreamPort) {
  let connections = 0;
  const proxy = createServer((client) => {
    const upstream = connect(upstreamPort, '127.0.0.1');
    const number = ++connections;
    // The first is cut in its headers: the client does not know its task yet.
    let left = number === 1 ? 60 : 5_000 + ((number * 977) % 6_000);
    client.on('error', () => upstream.destroy()).on('close', () => upstream.destroy());
    upstream.on('error', () => client.destroy()).on('end', () => client.end());
    client.pipe(upstream, { end: false });
    upstream.on('data', (bytes) => {
      if (left <= 0) return;
      client.write(bytes.subarray(0, left), () => {
        if (left > 0) return;
        if (number % 2 === 0) client.end();
        else client.resetAndDestroy();
      });
      left -= bytes.length;
    });
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  const { port } = /** @type {import('node:net').AddressInfo} */ (proxy.address());
  return { proxy, port, connections: () => connections };
}

/** What a client prints, as [seq, event, data], and its exit code. */
async function follow(command, url) {
  const [program = '', ...args] = command;
  const child = run(program, [...args, url], { MAX_FIRST_WAIT_S: '0.02' });
  const exited = once(child, 'exit');
  const events = [];
  for await (const line of createInterface({ input: child.stdout })) {
    const [seq, event, data] = line.split('\t');
    events.push([Number(seq), event, JSON.parse(data)]);
  }
  const [code] = await exited;
  return { code, events };
}

const server = run(process.execPath, [path('server.js')], { PORT: '0' });
const [line] = await once(createInterface({ input: server.stdout }), 'line');
const [, serverPort] = /:(\d+)\//.exec(line) ?? [];

const clients = [
  ['Python', 'python3', path('python_client.py')],
  ['curl', 'sh', path('curl-client.sh')],
];
for (const [index, [name, ...command]] of clients.entries()) {
  const { proxy, port, connections } = await startCuttingProxy(serverPort);
  const { code, events } = await follow(command, `http://127.0.0.1:${port}/count?total=${TOTAL}`);
  const expected = Array.from({ length: TOTAL }, (_, at) => {
    return [at + 1, 'message', { step: at + 1, text: 'zwölf Boxkämpfer 🥊\n' }];
  });
  const [seq, event, { result }] = events.pop() ?? [0, '', {}];
  assert.deepEqual(events, expected, `${name}: every event once, in order`);
  assert.deepEqual([seq, event, result.total], [TOTAL + 1, 'complete', TOTAL]);
  assert.equal(result.started, index + 1 + index, `${name}: one task was started, although the first answer was lost`);
  assert.equal(code, 0);
  assert(connections() > 5, `${name}: only ${connections()} connections, so hardly any cut`);

  // Directly: a task that fails, and a refusal.
  const failed = await follow(command, `http://127.0.0.1:${serverPort}/fail`);
  assert.deepEqual([failed.code, failed.events.map(([, event]) => event)], [1, ['failed']]);
  const refused = await follow(command, `http://127.0.0.1:${serverPort}/count?resume_key=${'A'.repeat(22)}`);
  assert.deepEqual(refused, { code: 2, events: [] });
  proxy.close();
  console.log(`${name}: ${TOTAL + 1} events over ${connections()} connections, none lost, none twice`);
}

server.kill('SIGTERM');
assert.deepEqual(await once(server, 'exit'), [0, null], 'SIGTERM ends the server');
