import { once } from 'node:events';
import http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import { createTaskManager, type TaskManager } from '../../lib/index.js';

type Route = (req: http2.Http2ServerRequest, res: http2.Http2ServerResponse) => unknown;

/** Reads a body as many do: over HTTP/2 one that is cut ends like a whole one. */
const readBody = (req: http2.Http2ServerRequest): Promise<string> =>
  new Promise((resolve) => {
    let text = '';
    req.setEncoding('utf8');
    req.on('data', (chunk: string) => (text += chunk));
    req.on('end', () => resolve(text));
  });

const job = async ({ input }: { input: unknown }): Promise<unknown> => ({ input });
const next = (): void => undefined;

/** How a start reads its body. */
const WAYS: [name: string, open: (tasks: TaskManager) => Route][] = [
  [
    'in the input of a handler',
    (tasks) => {
      const handler = tasks.handler(job, { input: readBody as never });
      return (req, res) => handler(req, res, next);
    },
  ],
  [
    'before the handler',
    (tasks) => {
      const handler = tasks.handler(job, { input: ({ body }) => body as string });
      return async (req, res) => {
        const body = await readBody(req);
        handler(Object.assign(req, { body }), res, next);
      };
    },
  ],
  [
    'before startTask',
    (tasks) => async (req, res) => {
      const body = await readBody(req);
      const { taskId } = await tasks.startTask(req, job, { input: body });
      res.end(`${taskId} ${body}`);
    },
  ],
];

describe.each(WAYS)('an upload over HTTP/2 that is read %s', (_name, open) => {
  let tasks: TaskManager;
  let server: http2.Http2Server;
  let client: http2.ClientHttp2Session;
  const requests: http2.Http2ServerRequest[] = [];

  beforeEach(async () => {
    tasks = createTaskManager();
    const route = open(tasks);
    server = http2.createServer((req, res) => {
      requests.push(req);
      // What a start throws when its request is over is nobody's: there is nobody to answer.
      Promise.resolve(route(req, res)).catch(() => undefined);
    });
    await once(server.listen(0), 'listening');
    requests.length = 0;
  });
  afterEach(async () => {
    client.destroy();
    await tasks.stop();
    server.close();
  });

  function post(): http2.ClientHttp2Stream {
    client = http2.connect(`http://localhost:${(server.address() as AddressInfo).port}`);
    client.on('error', () => undefined);
    const stream = client.request({ ':method': 'POST', ':path': '/', 'idempotency-key': 'once' });
    stream.on('error', () => undefined);
    return stream;
  }

  it('starts nothing where it is cut, and leaves its key to the whole one', async () => {
    const cut = post();
    cut.write('half of ');
    await once(server, 'request');
    const [request] = requests;
    if (!request!.readableDidRead) await once(request!, 'data');
    client.destroy();
    await once(request!, 'close');

    const whole = post();
    whole.end('the whole');
    whole.setEncoding('utf8');
    let text = '';
    whole.on('data', (chunk: string) => (text += chunk));
    await once(whole, 'end');
    expect(text).toContain('the whole');
    expect(tasks.getStatistics().started).toBe(1);
  });
});
