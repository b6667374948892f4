// A worker: answers questions with tokens, one each millisecond, and stops as soon as nobody is there to read them. Run
// as many as you like, anywhere: a queue group shares the questions.
import { setTimeout as sleep } from 'node:timers/promises';
import { createPresence, createStreamResponder } from 'resumable-sse/nats';
import { connectNats } from '../connect-nats.js';

const connection = await connectNats();
const presence = createPresence({ connection, leaseMs: Number(process.env.LEASE_MS ?? 5_000) });
await presence.startClientOfflineListener();
const responder = createStreamResponder({ connection, presence });

responder.subscribe(
  'tokens',
  async ({ data, signal }, sender) => {
    const { tokens = 60_000 } = JSON.parse(Buffer.from(data).toString());
    let sent = 0;
    try {
      for (; sent < tokens; sent++) {
        await sleep(1, undefined, { signal }); // the computing; it heeds the signal
        await sender.send(JSON.stringify({ token: sent + 1 }));
      }
    } finally {
      console.log(`stopped after ${sent}: ${signal.aborted ? signal.reason.code : 'done'}`);
    }
  },
  { queue: 'workers' },
);
await connection.flush();
console.log('ready');

process.once('SIGTERM', async () => {
  await responder.stop({ graceMs: 10_000 });
  await presence.stop();
  await connection.close(); // what was to be said has been said
});
