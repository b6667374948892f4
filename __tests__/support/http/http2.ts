import { once } from 'node:events';
import http2, { type Http2ServerRequest, type Http2ServerResponse } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { makeCertificate } from './certificate.js';
import { FrameSplitter, type Frame } from '../sse/sse-frames.js';

export interface Http2Listening {
  readonly origin: string;
  connect(): http2.ClientHttp2Session;
  close(): Promise<void>;
}

/** What it shows its clients, who trust nothing else. */
export const certificate = makeCertificate();

/** A TLS server for HTTP/2, and for HTTP/1.1 where a client has nothing better, that answers with `handle`. */
export async function listenHttp2(
  handle: (req: Http2ServerRequest, res: Http2ServerResponse) => void,
): Promise<Http2Listening> {
  const server = http2.createSecureServer({ ...certificate, allowHTTP1: true }, handle);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const sessions: http2.ClientHttp2Session[] = [];
  return {
    origin: `https://localhost:${port}`,
    connect: () => {
      const session = http2.connect(`https://127.0.0.1:${port}`, { ca: certificate.cert, servername: 'localhost' });
      session.on('error', () => undefined);
      sessions.push(session);
      return session;
    },
    close: () => {
      for (const session of sessions) session.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

export interface Http2Stream {
  readonly headers: http2.IncomingHttpHeaders & http2.IncomingHttpStatusHeader;
  readonly stream: http2.ClientHttp2Stream;
  /** Reads only while it is called. */
  readonly next: () => Promise<Frame | undefined>;
  readonly rest: () => Promise<Frame[]>;
  readonly text: () => Promise<string>;
}

export async function openHttp2(
  session: http2.ClientHttp2Session,
  path: string,
  headers: http2.OutgoingHttpHeaders = {},
): Promise<Http2Stream> {
  const stream = session.request({ ':path': path, ...headers });
  stream.setEncoding('utf8');
  stream.on('error', () => undefined);
  const [answered] = (await once(stream, 'response')) as [Http2Stream['headers']];
  const chunks = stream.iterator({ destroyOnReturn: false }) as AsyncIterableIterator<string>;
  const splitter = new FrameSplitter();
  const ready: Frame[] = [];
  const next = async (): Promise<Frame | undefined> => {
    while (ready.length === 0) {
      const { done, value } = await chunks.next();
      if (done === true) return undefined;
      ready.push(...splitter.push(value));
    }
    return ready.shift();
  };
  return {
    headers: answered,
    stream,
    next,
    rest: async () => {
      const frames: Frame[] = [];
      for (let frame = await next(); frame !== undefined; frame = await next()) frames.push(frame);
      return frames;
    },
    text: async () => {
      let text = '';
      for await (const chunk of chunks) text += chunk;
      return text;
    },
  };
}
