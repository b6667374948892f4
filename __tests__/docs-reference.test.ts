import { execFileSync } from 'node:child_process';
import type { ServerResponse } from 'node:http';
import { TaskError, sendProblem, type ErrorCode } from '../lib/index.js';
import { DEFAULT_WATCHDOG_MS } from '../lib/client/connection/connection.js';
import { MAX_EVENT_BYTES } from '../lib/client/connection/event-reader.js';
import { DEFAULT_MAX_EVENTS } from '../lib/react/task-view-store.js';
import { resolveOptions } from '../lib/core/engine/engine-options.js';
import { resolveHubOptions } from '../lib/hub/hub-options.js';
import { plain, tableBelow } from './support/repository/markdown.js';
import { ROOMS_WITH_AN_ENTRY, SampleProgram } from './support/repository/samples.js';
import { readPage, ROOT } from './support/repository/pages.js';

const program = new SampleProgram(new Map());

const OPTION_TABLES: [page: string, heading: string, type: string, defaults: object][] = [
  ['docs/OPTIONS.md', '## createTaskManager', 'TaskManagerOptions', resolveOptions({})],
  ['docs/HUB.md', '## Limits', 'HubOptions', resolveHubOptions({})],
];

describe.each(OPTION_TABLES)('the options in %s', (page, heading, type, resolved) => {
  const table = tableBelow(readPage(page), heading).map(([name, value]) => [plain(name), plain(value)] as const);

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
  const page = readPage('docs/CLIENT.md');
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
    const named = tableBelow(readPage('docs/OPTIONS.md'), heading).map(([name]) => plain(name));
    expect(named.sort()).toEqual(program.membersOf(type).sort());
  });

  it.each([
    ['## The job', 'TaskContext'],
    ['## Methods', 'TaskManager'],
  ])('names every member below %s', (heading, type) => {
    const named = tableBelow(readPage('docs/OPTIONS.md'), heading).map(([name]) => plain(name).replace(/\(.*/, ''));
    expect(named.sort()).toEqual(program.membersOf(type).sort());
  });
});

describe('docs/API.md', () => {
  it('lists every name that the package exports, with its members', () => {
    execFileSync(process.execPath, ['scripts/write-api-page.js', '--check'], { cwd: ROOT, stdio: 'pipe' });
    const page = readPage('docs/API.md');
    for (const room of ROOMS_WITH_AN_ENTRY) {
      for (const name of program.namesIn(room)) expect(page).toContain(`**\`${name}\`**`);
    }
  });
});

describe('docs/ERRORS.md', () => {
  const errors = readPage('docs/ERRORS.md');

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
