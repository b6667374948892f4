import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';

/** A request that came over no wire, for what takes a request and answers none. */
export function fakeRequest(url = '/', headers: Record<string, string> = {}, method = 'GET'): IncomingMessage {
  const request = new IncomingMessage(new Socket());
  Object.assign(request, { url, method, headers, httpVersionMajor: 1, httpVersionMinor: 1, httpVersion: '1.1' });
  return request;
}
