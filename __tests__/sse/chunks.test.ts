import http from 'node:http';
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { useTaskServers, type TaskServer } from '../support/servers/task-server.js';

const start = useTaskServers();

/** One request over the agent's only connection, and whether that one had served another before. */
async function get(agent: http.Agent, url: string): Promise<{ status: number; text: string; reused: boolean }> {
  const request = http.get(url, { agent });
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  let text = '';
  for await (const piece of response.setEncoding('utf8')) text += String(piece);
  return { status: response.statusCode ?? 0, text, reused: request.reusedSocket };
}

const framesOf = (text: string): string[] => text.split('\n\n').slice(1); // `retry` and `task` differ

describe('frames written past res.write', () => {
  let agent: http.Agent;
  beforeEach(() => (agent = new http.Agent({ keepAlive: true, maxSockets: 1 })));
  afterEach(() => agent.destroy());

  /** A finished task of small events and events larger than a socket takes at once. */
  async function finished(server: TaskServer): Promise<string> {
    const { context, finish } = await server.begin();
    for (let i = 0; i < 300; i++) await context.updateProgress({ i, text: 'ü'.repeat(i % 100 === 0 ? 50_000 : i) });
    finish('done');
    return `${server.url}/report?resume_key=${context.resumeKey}`;
  }

  it('equal those that res.write sends, and leave the connection usable for the next request', async () => {
    let wrapped = 0;
    const server = await start({
      use: (app) =>
        app.use((req, res, next) => {
          if (!req.url.includes('wrap')) {
            next();
            return;
          }
          const write = res.write.bind(res) as (chunk: unknown) => boolean;
          res.write = ((chunk: unknown) => {
            wrapped++;
            return write(chunk);
          }) as ServerResponse['write'];
          next();
        }),
    });
    const url = await finished(server);
    const direct = await get(agent, url);
    const again = await get(agent, url);
    expect(wrapped).toBe(0);
    const throughWrite = await get(agent, `${url}&wrap=1`);
    expect(wrapped).toBeGreaterThan(0);
    expect([direct.reused, again.reused, throughWrite.reused]).toEqual([false, true, true]);
    expect(framesOf(direct.text)).toHaveLength(302);
    expect(framesOf(again.text)).toEqual(framesOf(direct.text));
    expect(framesOf(throughWrite.text)).toEqual(framesOf(direct.text));
  });

  it('stop where the application ends the response itself', async () => {
    let last: ServerResponse | undefined;
    const server = await start({
      use: (app) =>
        app.use((_, res, next) => {
          last = res;
          next();
        }),
    });
    const stream = get(agent, `${server.url}/report`);
    const { context } = await server.job.run();
    await context.updateProgress('before');
    await new Promise(setImmediate);
    last?.end();
    await context.updateProgress('after');
    const { text } = await stream;
    expect(text).toContain('data: "before"');
    expect(text).not.toContain('data: "after"');
    expect(await get(agent, `${server.url}/tasks/${context.taskId}`)).toMatchObject({ status: 200, reused: true });
  });
});
