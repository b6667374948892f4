import compression from 'compression';
import type { Express } from 'express';
import { compressEverything, openGzip } from '../support/http/gzip.js';
import { useTaskServers } from '../support/servers/task-server.js';

const start = useTaskServers();

const MOUNTED: [how: string, use: (app: Express) => void, encoding: string | undefined][] = [
  ['mounted, which leaves a stream alone', (app) => app.use(compression({ threshold: 0 })), undefined],
  ['forced on the stream', compressEverything, 'gzip'],
];

describe.each(MOUNTED)('with a compression middleware %s', (_how, use, encoding) => {
  it('delivers each event while the job still runs', async () => {
    const server = await start({ use });
    const stream = await openGzip(`${server.url}/report`);
    expect(stream.headers['content-encoding']).toBe(encoding);
    const { context, finish } = await server.job.run();
    await stream.readUntil(`id: ${context.resumeKey}.0\n\n`);
    for (let step = 1; step <= 3; step++) {
      await context.updateProgress({ step });
      await stream.readUntil(`data: {"step":${step}}\nid: ${context.resumeKey}.${step}\n\n`);
    }
    finish();
    await stream.readUntil(`id: ${context.resumeKey}.4\n\n`);
  });

  it('notices a client that leaves', async () => {
    const server = await start({ use });
    const stream = await openGzip(`${server.url}/report`);
    const { context } = await server.job.run();
    await stream.readUntil(`id: ${context.resumeKey}.0\n\n`);
    expect(context.subscriberCount).toBe(1);
    stream.destroy();
    await server.closed(1);
    expect(server.tasks.getStatistics().connections).toBe(0);
    expect(context.subscriberCount).toBe(0);
  });

  it('continues a long replay whenever the client has caught up', async () => {
    const server = await start({ use, maxBytesPerTask: 16 * 2 ** 20 });
    const { context, finish } = await server.begin();
    // Base64 of random bytes: what gzip cannot make small fills the socket.
    const noise = Buffer.from(Array.from({ length: 30_000 }, () => Math.random() * 256)).toString('base64');
    for (let step = 1; step <= 200; step++) await context.updateProgress({ step, noise: noise.slice(step) });
    finish();
    const stream = await openGzip(`${server.url}/report?resume_key=${context.resumeKey}`);
    const text = await stream.readUntil(`id: ${context.resumeKey}.201\n\n`);
    expect(text.match(/^id: .*$/gm)).toHaveLength(202);
  });

  it('lets a large answer of one piece arrive whole', async () => {
    const server = await start({ use });
    const { context, finish } = await server.begin();
    const text = 'x'.repeat(300_000);
    await context.updateProgress(text);
    const part = await fetch(`${server.url}/report?wait=5&resume_key=${context.resumeKey}`);
    expect(await part.text()).toContain(`data: "${text}"\nid: ${context.resumeKey}.1\n\n`);
    finish(text);
    while ((await server.tasks.getTaskInfo(context.taskId)).status === 'running') await new Promise(setImmediate);
    const result = await fetch(`${server.url}/tasks/${context.taskId}/result`);
    expect(((await result.json()) as { result: string }).result).toBe(text);
  });

  it('ends the response with the task', async () => {
    const server = await start({ use });
    const stream = await openGzip(`${server.url}/report`);
    const { finish } = await server.job.run();
    finish('done');
    await server.closed(1);
    await expect(stream.readUntil('nothing more comes')).rejects.toThrow('ended before');
  });
});
