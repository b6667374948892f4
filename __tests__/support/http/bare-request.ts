import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';

/** A GET request that came over no network. */
export function bareRequest(url = '/report', headers: Record<string, string> = {}): IncomingMessage {
  const req = new IncomingMessage(new Socket());
  return Object.assign(req, { method: 'GET', url, headers: { host: 'localhost', ...headers } });
}
