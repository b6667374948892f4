import { ManualClock } from '../support/manual-clock.js';
import { rawRequest } from '../support/raw-http.js';
import { expectRefused, get, streamRoutes } from '../support/refusal.js';
import { startTaskServer } from '../support/task-server.js';

const UNKNOWN_KEY = 'AAAAAAAAAAAAAAAAAAAAAA';

/** One server for the tables: what is refused leaves nothing behind, so they cannot disturb each other. */
let server: Awaited<ReturnType<typeof startTaskServer>>;
let key: string;
let taskId: string;

beforeAll(async () => {
  server = await startTaskServer({ clock: new ManualClock() });
  const { context } = await server.begin();
  for (let step = 1; step <= 3; step++) await context.updateProgress({ step });
  ({ taskId, resumeKey: key } = context);
});

afterAll(() => server.close());

/** `$KEY` stands for the key of a task that runs. */
const filled = (text: string): string => text.replaceAll('$KEY', key);

describe('a resume key', () => {
  const INVALID = { status: 400, code: 'INVALID_RESUME_KEY' };
  const UNKNOWN = { status: 404, code: 'TASK_NOT_FOUND' };
  const CASES: [row: number, query: string, answer: { status: number; code: string }][] = [
    [3, 'resume_key=a&resume_key=a', INVALID],
    [3, 'resume_key=$KEY&resume_key=$KEY', INVALID],
    [4, 'resume_key[x]=1', INVALID],
    [4, 'resume_key[]=$KEY', INVALID],
    [4, 'resume_key%5Bx%5D=1', INVALID],
    [4, 'resume_key=$KEY&resume_key[0]=$KEY', INVALID],
    [5, 'resume_key[__proto__][polluted]=1', INVALID],
    [6, 'resume_key=__proto__', INVALID],
    [6, 'resume_key=constructor', INVALID],
    [6, 'resume_key=toString', INVALID],
    [6, 'resume_key=__proto_____________', INVALID],
    [6, `resume_key=${'__proto__'.padEnd(22, '_')}`, UNKNOWN],
    [6, `resume_key=${'constructor'.padEnd(22, '_')}`, UNKNOWN],
    [7, `resume_key=${'a'.repeat(129)}`, INVALID],
    [7, 'resume_key=$KEYx', INVALID],
    [8, 'resume_key=%00', INVALID],
    [8, 'resume_key=$KEY%00', INVALID],
    [8, 'resume_key=$KEY%0a', INVALID],
    [8, 'resume_key=%0d%0aX-Injected:1', INVALID],
    [8, 'resume_key=%20', INVALID],
    [8, 'resume_key=$KEY%20', INVALID],
    [8, 'resume_key=%C3%A9', INVALID],
    [8, 'resume_key=%E2%98%83', INVALID],
    [8, 'resume_key=%E2%80%8F$KEY', INVALID],
    [9, 'resume_key=*', INVALID],
    [9, 'resume_key=>', INVALID],
    [9, 'resume_key=a.b', INVALID],
    [9, 'resume_key={x}', INVALID],
    [9, 'resume_key=../x', INVALID],
    [9, 'resume_key=a:b', INVALID],
    [9, 'resume_key=$KEY.1', INVALID],
    [10, 'resume_key=%E0%A4%A', INVALID],
    [11, `resume_key=${UNKNOWN_KEY}`, UNKNOWN],
    [11, `last_event_id=${UNKNOWN_KEY}.1`, UNKNOWN],
    [14, 'resume_key=chosen-by-the-client-1', UNKNOWN],
  ];

  describe.each([...streamRoutes('$TASK')])('given to %s', (_name, path) => {
    it.each(CASES)('case %i: %s is refused and leaves nothing behind', async (_row, query, answer) => {
      const url = `${path.replace('$TASK', taskId)}?${filled(query)}`;
      const response = await expectRefused(server, { bytes: get(url), ...answer, secrets: [key, filled(query)] });
      expect(response.headers).not.toHaveProperty('x-injected');
      expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
    });
  });

  it('a URL of 20 KB is refused by Node before it reaches the library', async () => {
    const before = await server.state();
    const [response] = await rawRequest(server.port, get(`/report?resume_key=${'a'.repeat(20_000)}`));
    expect(response?.status).toBe(431);
    expect(await server.state()).toEqual(before);
  });

  it('a key of the client’s own is still unknown after it was asked for', async () => {
    const bytes = get('/report?resume_key=chosen-by-the-client-1');
    const refusal = { bytes, status: 404, code: 'TASK_NOT_FOUND' };
    await expectRefused(server, refusal);
    await expectRefused(server, refusal);
  });
});

describe('a cursor', () => {
  const INVALID = { status: 400, code: 'INVALID_CURSOR' };
  const TEXTS: [row: number, text: string][] = [
    [19, 'abc'],
    [19, '-1'],
    [19, '1.5.5'],
    [19, '1e3'],
    [19, '0x10'],
    [19, '+5'],
    [19, '007'],
    [19, 'NaN'],
    [20, '9007199254740992'],
    [20, '123456789012345678901234567890'],
    [21, '1, 2'],
    [22, 'é'],
    [22, '😀'],
  ];
  const QUERIES: [row: number, query: string][] = [
    ...TEXTS.map(([row, text]): [number, string] => [row, `resume_key=$KEY&last_event_id=${encodeURIComponent(text)}`]),
    ...TEXTS.map(([row, text]): [number, string] => [row, `last_event_id=$KEY.${encodeURIComponent(text)}`]),
    [19, 'resume_key=$KEY&last_event_id=%205%20'],
    [19, 'resume_key=$KEY&last_event_id=5%20'],
    [19, 'last_event_id=$KEY.'],
    [19, 'last_event_id=$KEY'],
    [19, 'last_event_id=.1'],
    [23, 'resume_key=$KEY&last_event_id=%00'],
    [23, 'resume_key=$KEY&last_event_id=1%0d%0aX-Injected:1'],
    [23, 'last_event_id=$KEY.1%0a'],
    [25, `resume_key=$KEY&last_event_id=${UNKNOWN_KEY}.1`],
    [29, 'resume_key=$KEY&last_event_id=1&last_event_id=1'],
    [29, 'resume_key=$KEY&last_event_id[]=1'],
    [29, 'resume_key=$KEY&last_event_id[x]=1'],
    [29, 'last_event_id%5B0%5D=$KEY.1'],
    [29, 'lastEventId=$KEY.1&lastEventId=$KEY.1'],
    [19, 'lastEventId=$KEY.x'],
  ];

  describe.each([...streamRoutes('$TASK')])('given to %s', (_name, path) => {
    const url = (): string => path.replace('$TASK', taskId);

    it.each(QUERIES)('case %i: ?%s is refused and leaves nothing behind', async (_row, query) => {
      const bytes = get(`${url()}?${filled(query)}`);
      await expectRefused(server, { bytes, ...INVALID, secrets: [key, UNKNOWN_KEY, filled(query)] });
    });

    it.each(TEXTS)('case %i: "Last-Event-ID: %s" is refused, bare and after a key', async (_row, text) => {
      for (const value of [text, `${key}.${text}`]) {
        const bytes = get(`${url()}?resume_key=${key}`, { 'Last-Event-ID': value });
        await expectRefused(server, { bytes, ...INVALID, secrets: [key] });
      }
    });

    it('a bare seq in the header is refused: only ?last_event_id= beside ?resume_key= may be one', async () => {
      const bytes = get(`${url()}?resume_key=${key}`, { 'Last-Event-ID': '1' });
      await expectRefused(server, { bytes, ...INVALID, secrets: [key] });
    });

    it('a header that comes twice is refused', async () => {
      const twice = `Last-Event-ID: ${key}.1\r\nLast-Event-ID: ${key}.2\r\n\r\n`;
      const bytes = get(url()).replace(/\r\n$/, twice);
      await expectRefused(server, { bytes, ...INVALID, secrets: [key] });
    });

    it('the header names another key than ?resume_key=', async () => {
      const bytes = get(`${url()}?resume_key=${key}`, { 'Last-Event-ID': `${UNKNOWN_KEY}.1` });
      await expectRefused(server, { bytes, ...INVALID, secrets: [key, UNKNOWN_KEY] });
    });
  });

  it('a bare seq without ?resume_key= says nothing and is refused', async () => {
    await expectRefused(server, { bytes: get('/report?last_event_id=5'), ...INVALID });
  });

  it.each([
    ['NUL', '\0', 400],
    ['CR', '\r', 400],
    ['20 KB', 'a'.repeat(20_000), 431],
  ])('%s in the header is refused by Node before it reaches the library', async (_name, text, status) => {
    const before = await server.state();
    const [response] = await rawRequest(server.port, get('/report', { 'Last-Event-ID': `${key}.1${text}2` }));
    expect(response?.status).toBe(status);
    expect(await server.state()).toEqual(before);
  });

  it('a LF ends the header, and what follows it is no cursor', async () => {
    const before = await server.state();
    const [response] = await rawRequest(server.port, get('/report', { 'Last-Event-ID': `${key}.abc\n2` }));
    expect(response?.status).toBe(400);
    expect(await server.state()).toEqual(before);
  });
});
