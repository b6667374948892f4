// A gateway to try things with, with a worker and a NATS of its own (or the one in NATS_URL), until Ctrl+C.
// npm run demo:gateway [-- websocket]
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { startNats } from '../processes.js';

const { PORT = '3000' } = process.env;
const kind = process.argv[2] === 'websocket' ? 'websocket' : 'sse';
const HOW_TO_TRY = {
  sse: `Connect a tab, ask with the X-Client-ID that it gets, then close the tab:
  curl -Ni http://127.0.0.1:${PORT}/connect
  curl -H 'X-Connect-ID: <id>' --json '{"question":"why?"}' http://127.0.0.1:${PORT}/stream`,
  websocket: `Connect, send {"question":"why?"}, then close it:
  npx wscat -c ws://127.0.0.1:${PORT}`,
};

const nats = await startNats().catch(({ message }) => {
  console.error(message);
  process.exit(1);
});
const env = { ...process.env, NATS_URL: nats.url, PORT };
const start = (script) =>
  spawn(process.execPath, [fileURLToPath(new URL(script, import.meta.url))], { env, stdio: 'inherit' });
const children = [start('./worker.js'), start(`../${kind}-gateway/server.js`)];
console.log(`${HOW_TO_TRY[kind]}\nThe worker says when it stops, and why.\n`);

const exits = children.map((child) => once(child, 'exit'));
let asked = false;
const stop = () => children.map((child) => child.kill('SIGTERM'));
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    asked = true;
    stop();
  });
}
await Promise.race(exits);
stop(); // one without the other is no use
await Promise.all(exits);
await nats.stop();
process.exitCode = asked ? 0 : 1;
