import { rawRequest } from '../support/http/raw-http.js';
import { expectRefused, get, streamRoutes } from '../support/http/refusal.js';
import { startServerWithTask } from '../support/servers/task-server.js';

const UNKNOWN_KEY = 'AAAAAAAAAAAAAAAAAAAAAA';

let server: Awaited<ReturnType<typeof startServerWithTask>>['server'];
let key: string;
let taskId: string;

beforeAll(async () => {
  ({ server, key, taskId } = await startServerWithTask());
});

afterAll(() => server.close());

/** `$KEY` stands for the key of a task that runs. */
const filled = (text: string): string => text.replaceAll('$KEY', key);

describe('a resume key', () => {
  const INVALID = { status: 400, code: 'INVALID_RESUME_KEY' };
  const UNKNOWN = { status: 404, code: 'TASK_NOT_FOUND' };
  const CASES: [query: string, answer: { status: number; code: string }][] = [
    ['resume_key=a&resume_key=a', INVALID],
    ['resume_key=$KEY&resume_key=$KEY', INVALID],
    ['resume_key[x]=1', INVALID],
    ['resume_key[]=$KEY', INVALID],
    ['resume_key%5Bx%5D=1', INVALID],
    ['resume_key=$KEY&resume_key[0]=$KEY', INVALID],
    ['resume_key[__proto__][polluted]=1', INVALID],
    ['resume_key=__proto__', INVALID],
    ['resume_key=constructor', INVALID],
    ['resume_key=toString', INVALID],
    ['resume_key=__proto_____________', INVALID],
    [`resume_key=${'__proto__'.padEnd(22, '_')}`, UNKNOWN],
    [`resume_key=${'constructor'.padEnd(22, '_')}`, UNKNOWN],
    [`resume_key=${'a'.repeat(129)}`, INVALID],
    ['resume_key=$KEYx', INVALID],
    ['resume_key=%00', INVALID],
    ['resume_key=$KEY%00', INVALID],
    ['resume_key=$KEY%0a', INVALID],
    ['resume_key=%0d%0aX-Injected:1', INVALID],
    ['resume_key=%20', INVALID],
    ['resume_key=$KEY%20', INVALID],
    ['resume_key=%C3%A9', INVALID],
    ['resume_key=%E2%98%83', INVALID],
    ['resume_key=%E2%80%8F$KEY', INVALID],
    ['resume_key=*', INVALID],
    ['resume_key=>', INVALID],
    ['resume_key=a.b', INVALID],
    ['resume_key={x}', INVALID],
    ['resume_key=../x', INVALID],
    ['resume_key=a:b', INVALID],
    ['resume_key=$KEY.1', INVALID],
    ['resume_key=%E0%A4%A', INVALID],
    [`resume_key=${UNKNOWN_KEY}`, UNKNOWN],
    [`last_event_id=${UNKNOWN_KEY}.1`, UNKNOWN],
    ['resume_key=chosen-by-the-client-1', UNKNOWN],
  ];

  describe.each([...streamRoutes('$TASK')])('given to %s', (_name, path) => {
    it.each(CASES)('is refused and leaves nothing behind: ?%s', async (query, answer) => {
      const url = `${path.replace('$TASK', taskId)}?${filled(query)}`;
      const response = await expectRefused(server, { bytes: get(url), ...answer, secrets: [key, filled(query)] });
      expect(response.headers).not.toHaveProperty('x-injected');
      expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
    });
  });

  it('is refused by Node before it reaches the library in a URL of 20 KB', async () => {
    const before = await server.state();
    const [response] = await rawRequest(server.port, get(`/report?resume_key=${'a'.repeat(20_000)}`));
    expect(response?.status).toBe(431);
    expect(await server.state()).toEqual(before);
  });

  it('that the client has made up is still unknown after it was asked for', async () => {
    const bytes = get('/report?resume_key=chosen-by-the-client-1');
    const refusal = { bytes, status: 404, code: 'TASK_NOT_FOUND' };
    await expectRefused(server, refusal);
    await expectRefused(server, refusal);
  });
});

describe('a cursor', () => {
  const INVALID = { status: 400, code: 'INVALID_CURSOR' };
  const TEXTS = [
    'abc',
    '-1',
    '1.5.5',
    '1e3',
    '0x10',
    '+5',
    '007',
    'NaN',
    '9007199254740992',
    '123456789012345678901234567890',
    '1, 2',
    'é',
    '😀',
  ];
  const QUERIES = [
    ...TEXTS.map((text) => `resume_key=$KEY&last_event_id=${encodeURIComponent(text)}`),
    ...TEXTS.map((text) => `last_event_id=$KEY.${encodeURIComponent(text)}`),
    'resume_key=$KEY&last_event_id=%205%20',
    'resume_key=$KEY&last_event_id=5%20',
    'last_event_id=$KEY.',
    'last_event_id=$KEY',
    'last_event_id=.1',
    'resume_key=$KEY&last_event_id=%00',
    'resume_key=$KEY&last_event_id=1%0d%0aX-Injected:1',
    'last_event_id=$KEY.1%0a',
    `resume_key=$KEY&last_event_id=${UNKNOWN_KEY}.1`,
    'resume_key=$KEY&last_event_id=1&last_event_id=1',
    'resume_key=$KEY&last_event_id[]=1',
    'resume_key=$KEY&last_event_id[x]=1',
    'last_event_id%5B0%5D=$KEY.1',
    'lastEventId=$KEY.1&lastEventId=$KEY.1',
    'lastEventId=$KEY.x',
  ];

  describe.each([...streamRoutes('$TASK')])('given to %s', (_name, path) => {
    const url = (): string => path.replace('$TASK', taskId);

    it.each(QUERIES)('is refused and leaves nothing behind: ?%s', async (query) => {
      const bytes = get(`${url()}?${filled(query)}`);
      await expectRefused(server, { bytes, ...INVALID, secrets: [key, UNKNOWN_KEY, filled(query)] });
    });

    it.each(TEXTS)('is refused in the header, bare and after a key: %s', async (text) => {
      for (const value of [text, `${key}.${text}`]) {
        const bytes = get(`${url()}?resume_key=${key}`, { 'Last-Event-ID': value });
        await expectRefused(server, { bytes, ...INVALID, secrets: [key] });
      }
    });

    it('is refused as a bare number in the header: only ?last_event_id= beside ?resume_key= may be one', async () => {
      const bytes = get(`${url()}?resume_key=${key}`, { 'Last-Event-ID': '1' });
      await expectRefused(server, { bytes, ...INVALID, secrets: [key] });
    });

    it('is refused in a header that comes twice', async () => {
      const twice = `Last-Event-ID: ${key}.1\r\nLast-Event-ID: ${key}.2\r\n\r\n`;
      const bytes = get(url()).replace(/\r\n$/, twice);
      await expectRefused(server, { bytes, ...INVALID, secrets: [key] });
    });

    it('is refused where it names another key than ?resume_key=', async () => {
      const bytes = get(`${url()}?resume_key=${key}`, { 'Last-Event-ID': `${UNKNOWN_KEY}.1` });
      await expectRefused(server, { bytes, ...INVALID, secrets: [key, UNKNOWN_KEY] });
    });
  });

  it('is refused as a bare number without ?resume_key=, which would name no task', async () => {
    await expectRefused(server, { bytes: get('/report?last_event_id=5'), ...INVALID });
  });

  it.each([
    ['NUL', '\0', 400],
    ['CR', '\r', 400],
    ['20 KB', 'a'.repeat(20_000), 431],
  ])('is refused by Node before it reaches the library: %s in the header', async (_name, text, status) => {
    const before = await server.state();
    const [response] = await rawRequest(server.port, get('/report', { 'Last-Event-ID': `${key}.1${text}2` }));
    expect(response?.status).toBe(status);
    expect(await server.state()).toEqual(before);
  });

  it('ends at a line feed in the header, and the text after that is not read', async () => {
    const before = await server.state();
    const [response] = await rawRequest(server.port, get('/report', { 'Last-Event-ID': `${key}.abc\n2` }));
    expect(response?.status).toBe(400);
    expect(await server.state()).toEqual(before);
  });
});
