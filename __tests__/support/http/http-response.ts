/** One response as it stood on the wire. */
export interface RawResponse {
  version: string;
  status: number;
  reason: string;
  /** Names in lower case; a header that came twice is joined with `, `. */
  headers: Record<string, string>;
  /** Chunked framing undone. */
  body: string;
  /** False when the connection ended before the response did. */
  complete: boolean;
}

/** Where a body ends depends on the request, too: a HEAD response has a length but no body. */
export interface ResponseContext {
  method: string;
  /** Nothing more will come. */
  ended: boolean;
}

export interface ParsedResponse {
  response: RawResponse;
  /** How many bytes the response took. */
  size: number;
}

/** Reads the first response in `bytes`, or gives undefined while more bytes are needed. */
export function parseResponse(bytes: Buffer, context: ResponseContext): ParsedResponse | undefined {
  const headEnd = bytes.indexOf('\r\n\r\n');
  if (headEnd === -1) return undefined;
  const response = parseHead(bytes.toString('latin1', 0, headEnd));
  const start = headEnd + 4;
  const finish = (body: Buffer, size: number, complete = true): ParsedResponse => {
    return { response: { ...response, body: body.toString('utf8'), complete }, size };
  };

  // [RFC 9112, 6.3] any response to a HEAD request and any response with a 1xx, 204 or 304 status code is always terminated by
  // the first empty line after the header fields.
  const { status, headers } = response;
  if (context.method === 'HEAD' || status < 200 || status === 204 || status === 304)
    return finish(Buffer.alloc(0), start);

  const rest = bytes.subarray(start);
  if (headers['transfer-encoding'] === 'chunked') {
    const { body, size } = unchunk(rest);
    if (size !== undefined) return finish(body, start + size);
    return context.ended ? finish(body, bytes.length, false) : undefined;
  }
  const length = headers['content-length'];
  if (length !== undefined) {
    if (rest.length >= Number(length)) return finish(rest.subarray(0, Number(length)), start + Number(length));
    return context.ended ? finish(rest, bytes.length, false) : undefined;
  }
  return context.ended ? finish(rest, bytes.length) : undefined;
}

function parseHead(head: string): RawResponse {
  const [statusLine = '', ...lines] = head.split('\r\n');
  const match = /^HTTP\/(\d\.\d) (\d{3}) ?(.*)$/.exec(statusLine);
  if (match === null) throw new Error(`not a status line: ${JSON.stringify(statusLine)}`);
  const [, version = '', status = '', reason = ''] = match;
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (colon < 1) throw new Error(`not a header: ${JSON.stringify(line)}`);
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    headers[name] = name in headers ? `${String(headers[name])}, ${value}` : value;
  }
  return { version, status: Number(status), reason, headers, body: '', complete: true };
}

/** The body so far; `size` is given once the last chunk is there. */
function unchunk(bytes: Buffer): { body: Buffer; size: number | undefined } {
  const parts: Buffer[] = [];
  let at = 0;
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', at);
    if (lineEnd === -1) return { body: Buffer.concat(parts), size: undefined };
    const size = Number.parseInt(bytes.toString('latin1', at, lineEnd), 16);
    if (Number.isNaN(size)) throw new Error('not a chunk size');
    const start = lineEnd + 2;
    if (size === 0) {
      // No server of ours sends trailers, so the last chunk is followed by one empty line.
      return { body: Buffer.concat(parts), size: bytes.length >= start + 2 ? start + 2 : undefined };
    }
    parts.push(bytes.subarray(start, start + size));
    if (bytes.length < start + size + 2) return { body: Buffer.concat(parts), size: undefined };
    at = start + size + 2;
  }
}
