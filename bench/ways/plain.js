// What plain Node does, alone and behind Express: every event is encoded once, and its Buffer is written to every response.
import { createServer } from 'node:http';
import { KEY } from './key.js';

const frameOf = (data, seq) => Buffer.from(`data: ${JSON.stringify(data)}\nid: ${KEY}.${seq}\n\n`);

export function express() {
  const responses = new Set();
  const sources = [];
  let seq = 0;
  return {
    sources,
    handle(_, res) {
      res.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' });
      res.write(`event: connected\ndata: {}\nid: ${KEY}.${seq}\n\n`);
      responses.add(res);
      res.on('close', () => responses.delete(res));
      let own = seq;
      sources.push((data) => res.write(frameOf(data, ++own)));
    },
    broadcast(data) {
      const frame = frameOf(data, ++seq);
      for (const res of responses) res.write(frame);
    },
  };
}

export function raw() {
  const way = express();
  return { ...way, server: createServer(way.handle) };
}
