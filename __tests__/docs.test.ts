import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { anchorsOf, codeBlocks, linksOf } from './support/repository/markdown.js';
import { SampleProgram, parseStream, runSample } from './support/repository/samples.js';
import { PAGES, readPage, ROOT } from './support/repository/pages.js';

const readme = readPage('README.md');

const SAMPLES = new Map(
  PAGES.flatMap((page) =>
    codeBlocks(readPage(page))
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
    expect(findBrokenLinks(page, readPage(page))).toEqual([]);
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
    const { scripts } = JSON.parse(readPage('package.json')) as { scripts: object };
    const named = [...readPage(page).matchAll(/npm run ([\w:-]+)/g)].map(([, name]) => name);
    expect(named.filter((name) => !Object.hasOwn(scripts, name!))).toEqual([]);
  });
});

describe('the page about performance', () => {
  it('shows the figures that were measured', () => {
    execFileSync(process.execPath, ['bench/document.js', '--check'], { cwd: ROOT, stdio: 'pipe' });
  });
});

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
