import type { IncomingMessage } from 'node:http';
import { ManualClock } from '../support/clock/manual-clock.js';
import { receiveAll, requestBytes } from '../support/http/raw-http.js';
import { useTaskServers, type TaskServer } from '../support/servers/task-server.js';

const start = useTaskServers();

/** Who asks is what the request says; without the header, nobody. */
const owner = (req: IncomingMessage): string | undefined => req.headers['x-owner'] as string | undefined;
const ANN = { 'X-Owner': 'ann' };
const BOB = { 'X-Owner': 'bob' };
const UNKNOWN_KEY = 'AAAAAAAAAAAAAAAAAAAAAA';
const UNKNOWN_ID = '00000000-0000-7000-8000-000000000000';

/** All that came back, as it stood on the wire, but for the time of day. */
async function answerTo(server: TaskServer, bytes: string): Promise<string> {
  const { bytes: answer } = await receiveAll(server.port, bytes);
  return answer.toString('latin1').replace(/^Date: .*\r\n/m, '');
}

const REQUESTS: [what: string, method: string, path: string][] = [
  ['coming back by handler()', 'GET', '/report?resume_key=$KEY'],
  ['coming back by handler() with a cursor', 'GET', '/report?last_event_id=$KEY.1'],
  ['coming back by POST', 'POST', '/report?resume_key=$KEY'],
  ['coming back by executeWithSSE()', 'GET', '/execute?resume_key=$KEY'],
  ['asking for a snapshot', 'GET', '/report?resume_key=$KEY&replay=snapshot'],
  ['status', 'GET', '/tasks/$ID'],
  ['status by HEAD', 'HEAD', '/tasks/$ID'],
  ['result', 'GET', '/tasks/$ID/result'],
  ['events', 'GET', '/tasks/$ID/events'],
  ['events with the key', 'GET', '/tasks/$ID/events?resume_key=$KEY'],
  ['events with a bad cursor', 'GET', '/tasks/$ID/events?last_event_id=x'],
  ['cancel', 'DELETE', '/tasks/$ID'],
];

describe('somebody else’s task', () => {
  const STATES = ['running', 'finished', 'expired'] as const;

  describe.each(STATES)('that is %s', (state) => {
    it.each(REQUESTS)('is answered byte for byte like an unknown task: %s', async (_what, method, path) => {
      const clock = new ManualClock();
      const server = await start({ owner, clock, ttlMs: 60_000, sweepIntervalMs: 1_000 });
      const { context, finish } = await server.begin('/report', { headers: ANN });
      if (state !== 'running') {
        const stream = await server.open(`/report?resume_key=${context.resumeKey}`, { headers: ANN });
        finish('secret');
        await stream.rest();
      }
      if (state === 'expired') {
        clock.advance(61_500);
        expect((await server.open(`/tasks/${context.taskId}`, { headers: ANN })).status).toBe(410);
      }
      const before = await server.state();
      const ask = (key: string, id: string, headers: Record<string, string>): Promise<string> => {
        const url = path.replace('$KEY', key).replace('$ID', id);
        return answerTo(server, requestBytes(method, url, { ...headers, Connection: 'close', 'Content-Length': '0' }));
      };
      const unknown = await ask(UNKNOWN_KEY, UNKNOWN_ID, BOB);
      expect(unknown).toMatch(/^HTTP\/1\.1 404 /);
      expect(await ask(context.resumeKey, context.taskId, BOB)).toBe(unknown);
      expect(await ask(context.resumeKey, context.taskId, {})).toBe(unknown);
      expect(await server.state()).toEqual(before);
      expect(context.signal.aborted).toBe(false);
    });
  });

  it('is not listed', async () => {
    const server = await start({ owner });
    const { context } = await server.begin('/report', { headers: ANN });
    const listed = async (headers: Record<string, string>): Promise<unknown> =>
      JSON.parse(await (await server.open('/tasks', { headers })).text());
    expect(await listed(BOB)).toEqual({ tasks: [] });
    expect(await listed(ANN)).toEqual({ tasks: [expect.objectContaining({ task_id: context.taskId })] });
  });
});

describe('one’s own task', () => {
  it.each(REQUESTS.filter(([, , path]) => !path.endsWith('=x')))('answers %s', async (_what, method, path) => {
    const server = await start({ owner });
    const { context, finish } = await server.begin('/report', { headers: ANN });
    const url = path.replace('$KEY', context.resumeKey).replace('$ID', context.taskId);
    if (path.endsWith('/result')) {
      const stream = await server.open(`/report?resume_key=${context.resumeKey}`, { headers: ANN });
      finish('done');
      await stream.rest();
    }
    const { status } = await server.open(url, { method, headers: ANN });
    expect(status).toBe(method === 'DELETE' ? 204 : 200);
  });

  it('is not revealed by a refused cancel, and runs on', async () => {
    const server = await start({ owner });
    const { context } = await server.begin('/report', { headers: ANN });
    await server.open(`/tasks/${context.taskId}`, { method: 'DELETE', headers: BOB });
    expect(await server.tasks.getTaskInfo(context.taskId)).toMatchObject({ status: 'running', owner: 'ann' });
  });
});

describe('where some requests have an owner and some have none', () => {
  it('a task without an owner can be attached to by its key only, since its id is public', async () => {
    const server = await start({ owner });
    const { context } = await server.begin();
    const { taskId, resumeKey } = context;
    expect((await server.open(`/tasks/${taskId}/events`)).status).toBe(404);
    expect((await server.open(`/tasks/${taskId}/events?resume_key=${resumeKey}`)).status).toBe(200);
    expect((await server.open(`/tasks/${taskId}`)).status).toBe(200);
  });

  it('a request without an owner gets no list, even where `authorize` would allow all', async () => {
    const server = await start({ owner, router: { authorize: () => true } });
    await server.begin('/report', { headers: ANN });
    expect((await server.open('/tasks')).status).toBe(404);
  });

  it('an owner does not see tasks that nobody owns', async () => {
    const server = await start({ owner });
    const { context } = await server.begin();
    for (const path of [`/tasks/${context.taskId}`, `/report?resume_key=${context.resumeKey}`]) {
      expect((await server.open(path, { headers: ANN })).status).toBe(404);
    }
  });
});
