import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { parseResponse, type RawResponse } from './http-response.js';
import { FrameSplitter, type Frame } from '../sse/sse-frames.js';

export type { RawResponse } from './http-response.js';
export type { Frame } from '../sse/sse-frames.js';

/**
 * Writes `bytes` to a new connection and reads as many responses as there are `methods` (one GET by default; name each of pipelined
 * requests), then destroys it. Fewer when the server closes first: the last may then be incomplete, and an answer without even
 * a whole head is left out.
 * @param wait `head`: a stream counts as an answer that is not complete as soon as its head is there
 */
export async function rawRequest(
  port: number,
  bytes: string | Buffer,
  methods: readonly string[] = ['GET'],
  wait: 'head' | 'end' = 'end',
): Promise<RawResponse[]> {
  const socket = net.connect({ port, host: '127.0.0.1' });
  const responses: RawResponse[] = [];
  let pending = Buffer.alloc(0);
  const drain = (ended: boolean): void => {
    for (;;) {
      const method = methods[responses.length];
      if (method === undefined) return;
      const isStream = wait === 'head' && /^content-type: text\/event-stream\r$/im.test(pending.toString('latin1'));
      const parsed = parseResponse(pending, { method, ended: ended || isStream });
      if (parsed === undefined) return;
      pending = pending.subarray(parsed.size);
      // An interim answer (100 Continue) comes before the answer proper.
      if (parsed.response.status >= 200) responses.push(parsed.response);
    }
  };
  socket.write(bytes);
  try {
    for await (const chunk of socket) {
      pending = Buffer.concat([pending, chunk as Buffer]);
      drain(false);
      if (responses.length === methods.length) return responses;
    }
  } catch {
    // A reset ends the answers as a close does; whoever calls sees what is missing.
  } finally {
    socket.destroy();
  }
  drain(true);
  return responses;
}

/** Everything that arrives after `bytes` were sent, up to the end of the connection, in how many reads, and whether that was a reset. */
export function receiveAll(port: number, bytes: string): Promise<{ bytes: Buffer; reads: number; reset: boolean }> {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1', () => socket.write(bytes));
    const chunks: Buffer[] = [];
    let reset = false;
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('error', () => (reset = true));
    socket.on('close', () => resolve({ bytes: Buffer.concat(chunks), reads: chunks.length, reset }));
  });
}

/** The bytes of a request: headers as given, nothing added but an empty line. */
export function requestBytes(
  method: string,
  path: string,
  headers: Record<string, string> = {},
  version = '1.1',
): string {
  const lines = Object.entries({ Host: '127.0.0.1', ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${path} HTTP/${version}\r\n${lines.join('')}\r\n`;
}

export interface StreamRequest {
  headers?: Record<string, string>;
  method?: string;
  body?: string;
}

export interface OpenStream {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  /** Reads only while it is iterated, so a test that does not iterate is a slow reader. Leaving the loop keeps the stream open. */
  readonly frames: AsyncIterable<Frame>;
  /** The next frame, undefined at the end. @throws when the connection breaks, unless by `destroy`. */
  next(): Promise<Frame | undefined>;
  /** The rest of the stream as frames. */
  rest(): Promise<Frame[]>;
  /** The whole body, where `frames` has not been read. */
  text(): Promise<string>;
  /** What came after the last whole frame. */
  unfinished(): string;
  destroy(): void;
}

/** A request on a connection of its own; resolves at the response's headers. */
export async function openStream(url: string, options: StreamRequest = {}): Promise<OpenStream> {
  const { headers = {}, method = 'GET', body } = options;
  const request = http.request(url, { method, headers, agent: false });
  // Whoever waits or iterates gets the error; where nobody does, a cut connection must not end the process.
  request.on('error', () => undefined);
  request.end(body);
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  let destroyed = false;
  response.on('error', () => undefined);
  response.setEncoding('utf8');
  const chunks = response.iterator({ destroyOnReturn: false }) as AsyncIterableIterator<string>;

  const splitter = new FrameSplitter();
  const ready: Frame[] = [];
  const readChunk = async (): Promise<string | undefined> => {
    try {
      const { done, value } = await chunks.next();
      return done === true ? undefined : value;
    } catch (error) {
      if (destroyed) return undefined;
      throw error;
    }
  };
  const next = async (): Promise<Frame | undefined> => {
    while (ready.length === 0) {
      const chunk = await readChunk();
      if (chunk === undefined) return undefined;
      ready.push(...splitter.push(chunk));
    }
    return ready.shift();
  };
  // No `return` method: leaving a for-await loop must not end the stream.
  const frames: AsyncIterable<Frame> = {
    [Symbol.asyncIterator]: () => ({
      next: async (): Promise<IteratorResult<Frame, undefined>> => {
        const value = await next();
        return value === undefined ? { done: true, value } : { done: false, value };
      },
    }),
  };

  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    frames,
    next,
    rest: async () => {
      const all: Frame[] = [];
      for await (const frame of frames) all.push(frame);
      return all;
    },
    text: async () => {
      let text = '';
      for (let chunk = await readChunk(); chunk !== undefined; chunk = await readChunk()) text += chunk;
      return text;
    },
    unfinished: () => splitter.unfinished,
    destroy: () => {
      destroyed = true;
      request.destroy();
    },
  };
}

export interface Listening {
  readonly port: number;
  readonly url: string;
  readonly server: http.Server;
  /** How many sockets are open now. */
  readonly sockets: number;
  /** Stops listening and destroys the sockets that are open, streams included. */
  close(): Promise<void>;
}

/** Serves a request listener or an Express app on a free port of 127.0.0.1. */
export async function listen(handler: http.RequestListener): Promise<Listening> {
  const server = http.createServer(handler);
  const sockets = new Set<net.Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    server,
    get sockets() {
      return sockets.size;
    },
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
