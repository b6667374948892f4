// A TCP proxy that resets or ends each connection after so many bytes of the answer.
import net from 'node:net';
import { once } from 'node:events';

/** @param plan called for each connection: `{ after, kind }`, bytes towards the client and 'rst' or 'fin'; undefined: never */
export async function startCutProxy(port, plan) {
  let cuts = 0;
  const sockets = new Set();
  const server = net
    .createServer({ noDelay: true }, (client) => {
      const upstream = net.connect({ port, host: '127.0.0.1', noDelay: true });
      for (const socket of [client, upstream]) {
        sockets.add(socket);
        socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
      }
      const { after = Infinity, kind = 'rst' } = plan() ?? {};
      let left = after;
      client.pipe(upstream);
      client.on('close', () => upstream.destroy());
      upstream.on('end', () => client.end());
      upstream.on('data', (bytes) => {
        if (left < 0) return;
        const piece = bytes.subarray(0, Math.min(bytes.length, left));
        left -= bytes.length;
        const more = client.write(piece, () => {
          if (left > 0 || client.destroyed) return;
          left = -1;
          cuts++;
          // Two turns, so that a client in this process has read what it was sent.
          setImmediate(() => setImmediate(() => (kind === 'rst' ? client.resetAndDestroy() : client.end())));
          upstream.destroy();
        });
        if (!more) {
          upstream.pause();
          client.once('drain', () => upstream.resume());
        }
      });
    })
    .listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    get cuts() {
      return cuts;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
