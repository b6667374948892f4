import http from 'node:http';
import { createParser } from 'eventsource-parser';
import { Recording, type ClientDriver } from './driver.js';

/**
 * The standard by hand, over node:http: one new TCP connection per request, reconnecting at once. It has none of the
 * libraries' peculiarities, so a fault that it sees is the server's.
 */
export const raw: ClientDriver = {
  name: 'raw',
  open(url, options) {
    const recording = new Recording(options);
    let lastEventId = '';
    let request: http.ClientRequest | undefined;

    const connect = (): void => {
      if (recording.isOver) return;
      recording.connections++;
      const headers = { Accept: 'text/event-stream', ...(lastEventId === '' ? {} : { 'Last-Event-ID': lastEventId }) };
      request = http.request(url, { headers, agent: false }, read);
      // 'close' follows every error, also that of a connection cut inside its headers.
      request.on('error', () => undefined);
      request.on('close', () => setImmediate(connect));
      request.end();
    };

    const read = (response: http.IncomingMessage): void => {
      response.on('error', () => undefined);
      if (response.statusCode === 204) {
        recording.end('no-content');
        return;
      }
      // [spec] if res's status is not 200, or if res's `Content-Type` is not `text/event-stream`, then fail the connection.
      if (response.statusCode !== 200 || response.headers['content-type'] !== 'text/event-stream') {
        recording.end('refused');
        return;
      }
      // [spec] Once the end of the file is reached, any pending data must be discarded: so each connection has its own parser.
      const parser = createParser({
        onEvent: ({ event = 'message', data, id }) => {
          if (id !== undefined) lastEventId = id;
          recording.receive({ event, data, id: lastEventId });
        },
      });
      response.setEncoding('utf8');
      response.on('data', (text: string) => parser.feed(text));
    };

    recording.stopWith(() => request?.destroy());
    connect();
    return recording;
  },
};
