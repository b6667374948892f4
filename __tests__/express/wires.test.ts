import type { HandlerOptions, Wire } from '../../lib/index.js';
import { dataOf, emitAll, useChatServers, type ChatServer } from '../support/servers/chat-server.js';

const start = useChatServers();
const TEXT = { type: 'text-delta', id: '0', delta: 'Hi ' };
const ANSWER = [
  { type: 'start', messageId: 'm' },
  { type: 'text-start', id: '0' },
  TEXT,
  TEXT,
  { type: 'text-end', id: '0' },
];
const FOLDED = [
  { type: 'start', messageId: 'm' },
  { type: 'text-start', id: '0' },
  { ...TEXT, delta: 'Hi Hi ' },
];

const on = (wire: HandlerOptions['wire'], changed: HandlerOptions = {}): Promise<ChatServer> =>
  start({ handler: { ...changed, ...(wire === undefined ? {} : { wire }) } });

describe('a task on a wire', () => {
  it.each<[Exclude<HandlerOptions['wire'], Wire | undefined>, unknown[]]>([
    ['ui-message-stream', ['[DONE]']],
    ['ag-ui', [expect.objectContaining({ type: 'RUN_FINISHED', result: 1 })]],
    ['plain', ['[DONE]']],
  ])('is sent in that framing at its start, in its slot and by the router: %s', async (wire, end) => {
    const { say, job, resume, url } = await on(wire);
    const started = await say('a');
    const { context, finish } = await job.run();
    const values = wire === 'ag-ui' ? [{ type: 'RUN_STARTED', threadId: 'a', runId: 'b' }] : ANSWER;
    await emitAll(context, values);
    const others = await Promise.all([
      resume('a'),
      fetch(
        `${url}/tasks/${context.taskId}/events?resume_key=${context.resumeKey}&last_event_id=${context.resumeKey}.0`,
      ),
      fetch(`${url}/chat/a`, { method: 'POST', headers: { 'Last-Event-ID': `${context.resumeKey}.0` } }),
    ]);
    finish(1);
    for (const each of [started, ...others.slice(1)]) expect(await dataOf(each)).toEqual([...values, ...end]);
    expect(started.headers.get('x-vercel-ai-ui-message-stream')).toBe(wire === 'ui-message-stream' ? 'v1' : null);
    expect(started.headers.get('x-resume-key')).toBe(context.resumeKey);
    await others[0].body?.cancel();
  });

  it('begins with the folded message for a client without a position', async () => {
    const { say, job, resume } = await on('ui-message-stream');
    const first = await say('a');
    const { context, finish } = await job.run();
    await emitAll(context, ANSWER.slice(0, 4));
    const late = await resume('a');
    await emitAll(context, ANSWER.slice(4));
    finish(1);
    expect(await dataOf(late)).toEqual([...FOLDED, ANSWER[4], '[DONE]']);
    expect(await dataOf(first)).toEqual([...ANSWER, '[DONE]']);
  });

  it('gives the rest of what was trimmed to a client that has its beginning', async () => {
    const server = await start({ maxEventsPerTask: 8, handler: { wire: 'ui-message-stream' } });
    const first = await server.say('a');
    const { context, finish } = await server.job.run();
    const words = Array.from({ length: 100 }, (_, n) => ({ type: 'text-delta', id: '0', delta: `${n} ` }));
    await emitAll(context, [...ANSWER.slice(0, 2), ...words]);
    const texts: string[] = [];
    for (const seq of [0, 2, 3, 50, 102]) {
      const back = await server.resume('a', { headers: { 'Last-Event-ID': `${context.resumeKey}.${seq}` } });
      texts.push((await readSome(back)).join(''));
    }
    const all = words.map(({ delta }) => delta);
    const from = (seq: number): string => all.slice(Math.max(0, seq - 2)).join('');
    expect(texts.map((text) => text.replace(/\d+ (?=$)/, ''))).toEqual(
      [0, 2, 3, 50, 102].map((seq) => from(seq).replace(/\d+ (?=$)/, '')),
    );
    finish(1);
    await first.text();

    /** The text that comes in the first piece of the body. */
    async function readSome(response: Response): Promise<string[]> {
      await context.updateProgress({ type: 'text-delta', id: '0', delta: '' });
      const reader = response.body!.getReader();
      let text = '';
      while (!text.includes('"delta":""')) text += new TextDecoder().decode((await reader.read()).value);
      await reader.cancel();
      const lines = [...text.matchAll(/^data: (.*)$/gm)].map(([, json = '']) => JSON.parse(json) as { delta?: string });
      return lines.map(({ delta = '' }) => delta);
    }
  });

  it('sends an error where even the folded message is lost', async () => {
    const limits = { maxEventsPerTask: 8, maxBytesPerTask: 4_096, maxEventBytes: 512 };
    const server = await start({ ...limits, handler: { wire: 'ui-message-stream' } });
    const first = await server.say('a');
    const { context, finish } = await server.job.run();
    for (let n = 0; n < 100; n++) await context.updateProgress({ ...TEXT, delta: 'x'.repeat(100) });
    const late = await server.resume('a');
    finish(1);
    expect(await dataOf(late)).toContainEqual({ type: 'error', errorText: 'A part of the answer is no longer kept' });
    await first.text();
  });

  it('ends with the public text of its error, and with abort where it was cancelled', async () => {
    const { say, job, resume } = await on('ui-message-stream');
    const failing = await say('a');
    (await job.run(1)).fail(new Error('secret'));
    expect(await dataOf(failing)).toEqual([{ type: 'error', errorText: 'The task failed' }, '[DONE]']);
    const cancelled = await say('a');
    await job.run(2);
    await resume('a', { method: 'DELETE' });
    expect(await dataOf(cancelled)).toEqual([{ type: 'abort' }, '[DONE]']);
  });

  it.each<[HandlerOptions['wire'], string, (body: string) => unknown]>([
    [undefined, 'application/problem+json', (body) => (JSON.parse(body) as { detail: string }).detail],
    ['ui-message-stream', 'text/plain; charset=utf-8', (body) => body],
    ['ag-ui', 'application/json', (body) => (JSON.parse(body) as { detail: string }).detail],
    ['plain', 'application/json', (body) => (JSON.parse(body) as { error: { message: string } }).error.message],
  ])('refuses with a text that its clients can show: %s', async (wire, type, detailOf) => {
    const { say } = await on(wire);
    const first = await say('a');
    const refused = await say('a');
    expect([refused.status, refused.headers.get('content-type')]).toEqual([409, type]);
    expect(detailOf(await refused.text())).toBe('Another task runs in this slot');
    const back = await say('a', { 'Last-Event-ID': `${'A'.repeat(22)}.3` });
    expect([back.status, back.headers.get('content-type')]).toEqual([404, 'application/problem+json']);
    await first.body?.cancel();
  });

  it.each<[HandlerOptions['wire'], string, number]>([
    [undefined, 'application/json', 406],
    ['ui-message-stream', 'application/json', 406],
    ['plain', 'application/json', 200],
    ['plain', 'text/html', 406],
    ['ag-ui', 'text/event-stream', 200],
    ['ui-message-stream', '*/*', 200],
  ])('respects the Accept header: %s, %s', async (wire, accept, status) => {
    const answer = await (await on(wire)).say('a', { Accept: accept });
    expect(answer.status).toBe(status);
    await answer.body?.cancel();
  });

  it('can use a wire that the application wrote in thirty lines', async () => {
    const lines: Wire = {
      name: 'lines',
      headers: { 'x-lines': '1' },
      prelude: (_id, { resumed }) => `: ${resumed ? 'again' : 'hello'}\n\n`,
      event: (id, { json }) => `data: ${json}\nid: ${id}\n\n`,
      end: (id, { status }) => `data: ${JSON.stringify(status)}\nid: ${id}\n\n`,
      gap: (id, { from, to }) => `data: ${JSON.stringify(`${from}-${to}`)}\nid: ${id}\n\n`,
    };
    const { say, job } = await on(lines);
    const answer = await say('a');
    const { context, finish } = await job.run();
    await context.updateProgress(1);
    finish(2);
    const text = await answer.text();
    expect(text.replace(/retry: \d+\n/, '').replaceAll(context.resumeKey, 'k')).toBe(
      ': hello\n\ndata: 1\nid: k.1\n\ndata: "completed"\nid: k.2\n\n',
    );
    expect(answer.headers.get('x-lines')).toBe('1');
    await expect(start({ wires: [lines, { ...lines, name: 'default' }] })).rejects.toMatchObject({
      code: 'INVALID_OPTION',
    });
  });

  it('refuses a snapshot option where the wire folds or knows no snapshots', async () => {
    const snapshot = { initial: () => 0, reduce: () => 0 };
    await expect(on('ui-message-stream', { snapshot })).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    await expect(on('plain', { snapshot })).resolves.toBeDefined();
  });
});
