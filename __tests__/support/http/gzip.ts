import compression from 'compression';
import type { Express } from 'express';
import http from 'node:http';
import { once } from 'node:events';
import zlib from 'node:zlib';

/**
 * Compression leaves alone what says `no-transform`, whatever its filter answers. Apps that overwrite the header get
 * compressed streams, which must work as well.
 */
export function compressEverything(app: Express): void {
  app.use(compression({ filter: () => true, threshold: 0 }));
  app.use((_req, res, next) => {
    const writeHead = res.writeHead.bind(res) as (status: number, headers?: http.OutgoingHttpHeaders) => typeof res;
    res.writeHead = ((status: number, headers?: http.OutgoingHttpHeaders) => {
      return writeHead(status, headers && { ...headers, 'Cache-Control': 'no-cache' });
    }) as typeof res.writeHead;
    next();
  });
}

export interface GzipStream {
  readonly headers: http.IncomingHttpHeaders;
  /** Reads on until the text so far ends like this. */
  readUntil(ending: string): Promise<string>;
  destroy(): void;
}

/** A stream as a client that takes gzip reads it. */
export async function openGzip(url: string): Promise<GzipStream> {
  const request = http.get(url, { headers: { 'Accept-Encoding': 'gzip' }, agent: false });
  request.on('error', () => undefined);
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  const isGzip = response.headers['content-encoding'] === 'gzip';
  const body = isGzip ? response.pipe(zlib.createGunzip({ flush: zlib.constants.Z_SYNC_FLUSH })) : response;
  body.setEncoding('utf8');
  const chunks = body.iterator({ destroyOnReturn: false }) as AsyncIterableIterator<string>;
  const received: string[] = [];
  let tail = '';
  return {
    headers: response.headers,
    readUntil: async (ending) => {
      while (!tail.endsWith(ending)) {
        const { done, value } = await chunks.next();
        if (done === true) throw new Error(`ended before ${JSON.stringify(ending)}: ${tail}`);
        received.push(value);
        tail = `${tail}${value}`.slice(-500);
      }
      return received.join('');
    },
    destroy: () => request.destroy(),
  };
}
