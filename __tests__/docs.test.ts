import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { dirname, join } from 'node:path';
import express from 'express';
import {
  TaskError,
  createTaskManager,
  sendProblem,
  type AsyncTask,
  type ErrorCode,
  type TaskManager,
} from '../lib/index.js';
import { DEFAULT_WATCHDOG_MS } from '../lib/client/connection/connection.js';
import { MAX_EVENT_BYTES } from '../lib/client/connection/event-reader.js';
import { DEFAULT_MAX_EVENTS } from '../lib/react/task-view-store.js';
import { resolveOptions } from '../lib/core/engine/engine-options.js';
import { resolveHubOptions } from '../lib/hub/hub-options.js';
import { encodeEvent } from '../lib/sse/frame.js';
import { anchorsOf, codeBlocks, linksOf, plain, tableBelow } from './support/markdown.js';
import { Running, SampleProgram, parseStream, runSample } from './support/samples.js';

const ROOT = join(__dirname, '..');
const isMarkdown = (name: string): boolean => name.endsWith('.md');
const PAGES = [...readdirSync(ROOT), ...readdirSync(join(ROOT, 'docs')).map((name) => join('docs', name))].filter(
  isMarkdown,
);
const read = (page: string): string => readFileSync(join(ROOT, page), 'utf8');
const readme = read('README.md');
const protocol = read('docs/PROTOCOL.md');

const SAMPLES = new Map(
  PAGES.flatMap((page) =>
    codeBlocks(read(page))
      .filter(({ language }) => ['ts', 'js'].includes(language))
      .map(({ code, language, line }) => [`${page}-${line}.${language}`, code] as const),
  ),
);
const WRONG_SAMPLE = `import { createTaskManager } from 'resumable-sse';\ncreateTaskManager({ ttl: 1 });\n`;
const program = new SampleProgram(new Map([...SAMPLES, ['wrong.ts', WRONG_SAMPLE]]));

/** What a page links to and is not there. */
function findBrokenLinks(page: string, text: string): string[] {
  return linksOf(text).filter((link) => {
    if (/^https?:/.test(link)) return false;
    const [path, anchor] = link.split('#');
    const file = path === '' ? join(ROOT, page) : join(ROOT, dirname(page), path!);
    if (!existsSync(file)) return true;
    return anchor !== undefined && !anchorsOf(path === '' ? text : readFileSync(file, 'utf8')).includes(anchor);
  });
}

describe('the pages', () => {
  it.each(PAGES)('%s links to what exists', (page) => {
    expect(findBrokenLinks(page, read(page))).toEqual([]);
  });

  it('a link to a missing file or heading is noticed', () => {
    const text = '# Here\n[a](docs/NO.md) [b](#here) [c](#there) [d](README.md#no) ![e](docs/log.svg)';
    expect(findBrokenLinks('README.md', text)).toEqual(['docs/NO.md', '#there', 'README.md#no']);
  });

  it('the README has the two commands of a fresh clone', () => {
    expect(readme).toContain('npm ci && npm run demo');
    expect(readme).toContain('npm ci && npm test');
  });

  it.each(PAGES)('%s names scripts that package.json has', (page) => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: object };
    const named = [...read(page).matchAll(/npm run ([\w:-]+)/g)].map(([, name]) => name);
    expect(named.filter((name) => !Object.hasOwn(scripts, name!))).toEqual([]);
  });
});

describe('the page about performance', () => {
  it('shows the figures that were measured', () => {
    execFileSync(process.execPath, ['bench/document.js', '--check'], { cwd: ROOT, stdio: 'pipe' });
  });
});

const OPTION_TABLES: [page: string, heading: string, type: string, defaults: object][] = [
  ['docs/OPTIONS.md', '## createTaskManager', 'TaskManagerOptions', resolveOptions({})],
  ['docs/HUB.md', '## Limits', 'HubOptions', resolveHubOptions({})],
];

describe.each(OPTION_TABLES)('the options in %s', (page, heading, type, resolved) => {
  const table = tableBelow(read(page), heading).map(([name, value]) => [plain(name), plain(value)] as const);

  it('are all there are, and nothing else', () => {
    expect(table.map(([name]) => name).sort()).toEqual(program.membersOf(type).sort());
  });

  it('have the defaults that the code has', () => {
    const defaults = resolved as Record<string, unknown>;
    for (const [name, value] of table) {
      const actual = defaults[name];
      if (typeof actual === 'number') expect([name, Number(value.replaceAll('_', ''))]).toEqual([name, actual]);
      else if (typeof actual === 'string') expect([name, value]).toEqual([name, `'${actual}'`]);
      else if (typeof actual === 'boolean') expect([name, value]).toEqual([name, String(actual)]);
      else expect(value).not.toMatch(/^[\d']/);
    }
  });
});

describe('the options in docs/CLIENT.md', () => {
  const numbers = { watchdogMs: DEFAULT_WATCHDOG_MS, maxEventBytes: MAX_EVENT_BYTES, maxEvents: DEFAULT_MAX_EVENTS };
  const page = read('docs/CLIENT.md');
  const ofTask = program.membersOf('StreamTaskOptions', 'client');

  it.each([
    ['## Options of streamTask', ofTask],
    ['## Options of connectHub', program.membersOf('HubConnectionOptions', 'client')],
    ['## React', program.membersOf('UseTaskOptions', 'react').filter((name) => !ofTask.includes(name))],
  ])('below %s are all there are, with the defaults that the code has', (heading, members) => {
    const table = tableBelow(page, heading).map(([name, value]) => [plain(name), plain(value)] as const);
    expect(table.map(([name]) => name).sort()).toEqual([...members].sort());
    for (const [name, value] of table) {
      const actual = (numbers as Record<string, number | undefined>)[name];
      expect([name, /^\d/.test(value) ? Number(value.replaceAll('_', '')) : undefined]).toEqual([name, actual]);
    }
  });
});

describe('docs/OPTIONS.md', () => {
  it.each([
    ['## tasks.handler', 'HandlerOptions'],
    ['## tasks.router', 'RouterOptions'],
  ])('names every option below %s', (heading, type) => {
    const named = tableBelow(read('docs/OPTIONS.md'), heading).map(([name]) => plain(name));
    expect(named.sort()).toEqual(program.membersOf(type).sort());
  });

  it.each([
    ['## The job', 'TaskContext'],
    ['## Methods', 'TaskManager'],
  ])('names every member below %s', (heading, type) => {
    const named = tableBelow(read('docs/OPTIONS.md'), heading).map(([name]) => plain(name).replace(/\(.*/, ''));
    expect(named.sort()).toEqual(program.membersOf(type).sort());
  });
});

describe('docs/ERRORS.md', () => {
  const errors = read('docs/ERRORS.md');

  it('gives every code its status, and names the codes without one', () => {
    const statuses = new Map(program.membersOf('ErrorCode').map((code) => [code, statusOf(code as ErrorCode)]));
    const refusals = [...statuses].filter(([, status]) => status !== undefined);
    const listed = tableBelow(errors, '## Codes that a request can be answered with').map(([code, status]) => [
      plain(code),
      Number(status),
    ]);
    expect(new Map(listed as [string, number][])).toEqual(new Map(refusals));
    for (const code of statuses.keys()) expect(errors).toContain(`\`${code}\``);
  });
});

/** What a request that is refused with `code` is answered. */
function statusOf(code: ErrorCode): number | undefined {
  const response = { headersSent: false, statusCode: 0, setHeader: () => undefined, end: () => undefined };
  sendProblem(response as unknown as ServerResponse, new TaskError(code, ''));
  return response.statusCode === 0 ? undefined : response.statusCode;
}

describe('the code samples', () => {
  it.each([...SAMPLES.keys()])('%s compiles against the library', (name) => {
    expect(program.errorsIn(name)).toEqual([]);
  });

  it('one with an option that does not exist would not', () => {
    expect(program.errorsIn('wrong.ts')).toEqual([expect.stringContaining(`'ttl' does not exist`)]);
  });

  const runnable = codeBlocks(readme).filter(({ marker }) => marker === 'runs');

  it('two of the README run', () => {
    expect(runnable).toHaveLength(2);
  });

  it.each(runnable)('that in line $line streams its job, resumes exactly, and ends with 204', async ({ code }) => {
    const running = await runSample(code);
    try {
      const whole = parseStream(await (await fetch(`${running.url}/report`)).text());
      const [task, ...events] = whole;
      const { resume_key: key } = JSON.parse(task!.data) as { resume_key: string };
      expect(events.map(({ id }) => id)).toEqual(Array.from({ length: 101 }, (_, index) => `${key}.${index + 1}`));
      expect(JSON.parse(events[39]!.data)).toEqual({ step: 40, total: 100 });
      expect(events[100]).toMatchObject({ event: 'complete', data: expect.stringContaining('{"pages":12}') });

      const resume = (seq: number): Promise<Response> =>
        fetch(`${running.url}/report`, { headers: { 'Last-Event-ID': `${key}.${seq}` } });
      expect(parseStream(await (await resume(40)).text()).slice(1)).toEqual(events.slice(40));
      expect((await resume(101)).status).toBe(204);
      const unknown = await fetch(`${running.url}/report?resume_key=${'A'.repeat(22)}`);
      expect([unknown.status, await unknown.json()]).toEqual([
        404,
        expect.objectContaining({ code: 'TASK_NOT_FOUND' }),
      ]);
    } finally {
      await running.stop();
    }
  });
});

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
