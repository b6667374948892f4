import { once } from 'node:events';
import http from 'node:http';
import { createTaskManager, type TaskManager } from '../../lib/index.js';
import { listen, type Listening } from '../support/http/raw-http.js';

/** Reads a body as many do: after a cut neither of the two events comes. */
const readBody = (req: http.IncomingMessage): Promise<string> =>
  new Promise((resolve) => {
    let text = '';
    req.setEncoding('utf8');
    req.on('data', (chunk: string) => (text += chunk));
    req.on('end', () => resolve(text));
  });

type Route = (req: http.IncomingMessage, res: http.ServerResponse, next: () => void) => unknown;

const job = async ({ input }: { input: unknown }): Promise<unknown> => ({ input });

/** How a start reads its body, and through what. */
const WAYS: [name: string, open: (tasks: TaskManager, read: typeof readBody) => Route][] = [
  ['the input of a handler', (tasks, read) => tasks.handler(job, { input: read as never })],
  ['the payload of a handler', (tasks, read) => tasks.handler(job, { input: () => 'none', payload: read as never })],
  [
    'the input of a handler that starts for whoever comes back',
    (tasks, read) => tasks.handler(job, { input: read as never, slot: () => 'report', onBusy: 'attach' }),
  ],
];

describe('an upload that is cut while a start reads it', () => {
  let tasks: TaskManager;
  let server: Listening;
  let reads: number;
  const reading: (() => void)[] = [];
  let open: (typeof WAYS)[number][1];

  async function serve(open: (typeof WAYS)[number][1]): Promise<void> {
    reads = 0;
    tasks = createTaskManager({ maxRunningTasks: 1 });
    const route = open(tasks, (req) => {
      reads++;
      reading.shift()?.();
      return readBody(req);
    });
    server = await listen((req, res) => route(req, res, () => res.end()));
  }

  afterEach(async () => {
    await tasks.stop();
    await server.close();
  });

  /** Sends the first bytes of a body, and cuts the connection once they are being read. */
  async function cut(headers: Record<string, string>): Promise<void> {
    const begun = new Promise<void>((resolve) => reading.push(resolve));
    const request = http.request(server.url, {
      method: 'POST',
      agent: false,
      headers: { ...headers, 'content-length': '100' },
    });
    request.on('error', () => undefined);
    request.write('half of ');
    await begun;
    request.destroy();
  }

  async function post(headers: Record<string, string>): Promise<[status: number | undefined, text: string]> {
    const request = http.request(server.url, { method: 'POST', agent: false, headers });
    request.end('the whole');
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];
    return [response.statusCode, await readBody(response)];
  }

  for (const [name, way] of WAYS) {
    it(`gives its key and its place back: ${name}`, async () => {
      await serve(way);
      await cut({ 'idempotency-key': 'once' });
      const [status, text] = await post({ 'idempotency-key': 'once' });
      expect([status, reads]).toEqual([200, 2]);
      expect(text).toContain('event: complete');
    });
  }

  it('gives its place back where nobody can come back to it', async () => {
    await serve(WAYS[0]![1]);
    await cut({});
    const [status, text] = await post({});
    expect([status, reads]).toEqual([200, 2]);
    expect(text).toContain('the whole');
  });

  it('goes on without its client where the body had arrived whole, for whoever repeats it', async () => {
    let release: (() => void) | undefined;
    const gate = new Promise<void>((resolve) => (release = resolve));
    const left = new Promise<void>((resolve) => {
      open = (manager) => {
        const handler = manager.handler(job, {
          input: async (req) => {
            const text = await readBody(req);
            reading.shift()?.();
            await gate;
            return text;
          },
        });
        return (req, res) => {
          res.once('close', resolve);
          handler(req, res, () => undefined);
        };
      };
    });
    await serve((manager) => open(manager, readBody));
    const begun = new Promise<void>((resolve) => reading.push(resolve));
    const headers = { 'idempotency-key': 'once' };
    const request = http.request(server.url, { method: 'POST', agent: false, headers });
    request.on('error', () => undefined);
    request.end('the first');
    await begun;
    request.destroy();
    await left;
    release?.();
    const [status, text] = await post(headers);
    expect(status).toBe(422); // another body, so the key belongs to the first
    expect(text).toContain('KEY_REUSED');
  });
});
