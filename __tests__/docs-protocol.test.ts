import express from 'express';
import { createTaskManager, type AsyncTask, type TaskManager } from '../lib/index.js';
import { encodeEvent } from '../lib/sse/frame.js';
import { codeBlocks } from './support/repository/markdown.js';
import { Running, parseStream } from './support/repository/samples.js';
import { readPage } from './support/repository/pages.js';

const protocol = readPage('docs/PROTOCOL.md');

describe('docs/PROTOCOL.md', () => {
  const recorded = new Map<string | undefined, string>(codeBlocks(protocol).map(({ marker, code }) => [marker, code]));
  const shown = (name: string): string => recorded.get(`recorded: ${name}`)!;
  let tasks: TaskManager;
  let running: Running;

  beforeAll(async () => {
    tasks = createTaskManager({ maxEventsPerTask: 8, onTaskError: () => undefined });
    const report: AsyncTask = async ({ emit }, _taskId, updateProgress) => {
      await updateProgress({ step: 1, total: 2 });
      await emit('note', { text: 'half' });
      await updateProgress({ step: 2, total: 2 });
      return { rows: 2 };
    };
    const count: AsyncTask<{ n: number }> = async (_context, _taskId, updateProgress) => {
      for (let n = 1; n <= 20; n++) await updateProgress({ n });
    };
    const forever: AsyncTask<{ n: number }> = async (...args) => {
      await count(...args);
      await new Promise(() => undefined);
    };
    const sum = {
      initial: () => ({ sum: 0 }),
      reduce: (state: { sum: number }, { n }: { n: number }) => ({ sum: state.sum + n }),
    };
    const app = express();
    app.get('/report', tasks.handler(report));
    app.get('/count', tasks.handler(count));
    app.get('/sum', tasks.handler(count, { snapshot: sum }));
    app.get(
      '/fail',
      tasks.handler(() => Promise.reject(new Error('not for clients'))),
    );
    app.get('/forever', tasks.handler(forever));
    app.use('/tasks', tasks.router());
    running = await Running.start(app);
  });

  afterAll(async () => {
    await tasks.stop();
    await running.stop();
  });

  const get = (path: string, headers: Record<string, string> = {}): Promise<Response> =>
    fetch(running.url + path, { headers });

  /** Starts a job that counts to 20, and comes back when it has. */
  const startCounting = async (path: string): Promise<{ key: string; taskId: string }> => {
    const { headers } = await get(path, { Prefer: 'respond-async' });
    const [key, taskId] = [headers.get('X-Resume-Key')!, headers.get('X-Task-ID')!];
    const stream = await get(`${path}?resume_key=${key}`);
    let text = '';
    for await (const chunk of stream.body!.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      if (/^data: {"n":20}$|^event: snapshot$/m.test(text)) break;
    }
    return { key, taskId };
  };

  const headersShown = (name: string): [string, string][] =>
    [...shown(name).matchAll(/^(\S+): (.*)$/gm)].map(([, header = '', value = '']) => [header, value]);

  const expectHeaders = ({ headers }: Response, name: string): void => {
    const sent = headersShown(name).map(([header]) => [header, headers.get(header)]);
    expect(normalise(JSON.stringify(sent))).toBe(normalise(JSON.stringify(headersShown(name))));
  };

  it('shows a whole stream, its headers, its rest and its status as they are', async () => {
    const response = await get('/report');
    expectHeaders(response, 'headers');
    expect(normalise(await response.text())).toBe(normalise(shown('whole')));

    const resume = (seq: number): Promise<Response> =>
      get('/report', { 'Last-Event-ID': `${response.headers.get('X-Resume-Key')}.${seq}` });
    expect(normalise(await (await resume(2)).text())).toBe(normalise(shown('rest')));
    expect((await resume(4)).status).toBe(204);

    const status = await get(`/tasks/${response.headers.get('X-Task-ID')}`);
    expect(normalise(await status.text())).toBe(normalise(JSON.stringify(JSON.parse(shown('status')))));
  });

  it('shows a refusal as it is', async () => {
    const response = await get(`/report?resume_key=${'A'.repeat(22)}`);
    expect(await response.json()).toEqual(JSON.parse(shown('problem')));
  });

  it('shows a start without a stream as it is', async () => {
    const response = await get('/report', { Prefer: 'respond-async' });
    expect(response.status).toBe(202);
    expectHeaders(response, 'accepted');
  });

  it('shows both gaps and the snapshot as they are', async () => {
    const { key, taskId } = await startCounting('/forever');
    const trimmed = await get(`/forever?resume_key=${key}`);
    const ahead = await get(`/forever?last_event_id=99&resume_key=${key}`);
    await tasks.cancelTask(taskId);
    expect(frameOf('gap', await trimmed.text())).toBe(normalise(shown('trimmed')));
    expect(frameOf('gap', await ahead.text())).toBe(normalise(shown('ahead')));

    const sum = await startCounting('/sum');
    expect(frameOf('snapshot', await (await get(`/sum?resume_key=${sum.key}`)).text())).toBe(
      normalise(shown('snapshot')),
    );
  });

  it('shows the three ends as they are', async () => {
    const { key, taskId } = await startCounting('/forever');
    const cancelled = get(`/forever?resume_key=${key}`);
    await fetch(`${running.url}/tasks/${taskId}`, { method: 'DELETE' });
    const streams = {
      complete: await get('/report'),
      failed: await get('/fail'),
      cancelled: await cancelled,
    };
    for (const [name, stream] of Object.entries(streams)) {
      expect(anySeq(frameOf(name, await stream.text()))).toBe(anySeq(frameOf(name, shown('ends'))));
    }
  });

  it('shows no frame that the library would write otherwise', () => {
    const [, frames = ''] = protocol.split('\n## The frames\n');
    const blocks = codeBlocks(frames).filter(({ code }) => /^(?:event|data): /.test(code));
    expect(blocks.length).toBeGreaterThan(4);
    for (const { code } of blocks) {
      const events = parseStream(code);
      const written = events.map(({ event, data, id = '' }) => {
        const [key = '', seq] = id.split('.');
        return encodeEvent(key, Number(seq), event, JSON.stringify(JSON.parse(data)));
      });
      expect(written.join('')).toBe(code);
    }
  });
});

const anySeq = (frame: string): string => frame.replace(/\.\d+\n/, '.0\n');

/** The first frame of that name. */
function frameOf(name: string, text: string): string {
  const frame = text.split('\n\n').find((block) => block.startsWith(`event: ${name}\n`));
  return normalise(`${frame}\n\n`);
}

/** The same text with what differs from run to run made equal. */
const normalise = (text: string): string =>
  text
    .replace(/[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}/g, 'TASK')
    .replace(/(?<![\w-])[\w-]{22}(?![\w-])/g, 'KEY')
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
    .replace(/^retry: \d+$/gm, 'retry: RETRY');
