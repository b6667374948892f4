// A gateway or a worker in a process of its own, to be killed and stopped. Speaks JSON over IPC.
import { connect } from '@nats-io/transport-node';

const [libUrl, options] = process.argv.slice(2);
const { role, servers, presenceSubject, subject, leaseMs, beatMs, windowMessages } = JSON.parse(options);
const { createPresence, createStreamRequester, createStreamResponder } = await import(`${libUrl}/nats/index.js`);

const connection = await connect({ servers, reconnectTimeWait: 20, reconnectJitter: 0, maxReconnectAttempts: -1 });
const presence = createPresence({ connection, subject: presenceSubject, leaseMs });
const tell = (message) => process.connected && process.send(message);

const roles = {
  /** Counts up for as long as somebody reads. */
  async worker() {
    const responder = createStreamResponder({ connection, presence, onError: () => undefined });
    await presence.startClientOfflineListener();
    responder.subscribe(
      subject,
      async ({ signal, data }, sender) => {
        const { everyMs = 0, to = Infinity } = JSON.parse(Buffer.from(data).toString());
        let sent = 0;
        tell({ kind: 'started' });
        signal.addEventListener('abort', () => tell({ kind: 'aborted', code: signal.reason.code, sent }));
        while (sent < to) {
          await sender.send(String(sent + 1));
          sent++;
          if (everyMs > 0) await new Promise((resolve) => setTimeout(resolve, everyMs));
        }
        await sender.end(String(sent));
        tell({ kind: 'ended', sent });
      },
      { queue: 'workers' },
    );
    await connection.flush();
  },

  /** Asks when it is told to, and says what became of it. */
  async gateway() {
    const requester = createStreamRequester({ connection, presence, beatMs, windowMessages });
    process.on('message', async ({ clientId, data }) => {
      presence.markClientOnline(clientId);
      const numbers = [];
      let code = 'resolved';
      try {
        for await (const message of requester.streamRequestWithClient(subject, JSON.stringify(data), clientId)) {
          numbers.push(Number(message.string()));
          if (numbers.length % 10 === 1) tell({ kind: 'received', count: numbers.length });
        }
      } catch (error) {
        code = error.code;
      }
      const exact = numbers.every((number, index) => number === index + 1);
      tell({ kind: 'outcome', code, count: numbers.length, exact });
      presence.markClientOffline(clientId);
    });
  },
};

await roles[role]();
tell({ kind: 'ready' });
