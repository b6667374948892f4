import { createTaskManager, type TaskManager } from '../../lib/index.js';
import { eventsource } from '../support/clients/eventsource.js';
import { undici } from '../support/clients/undici.js';
import { controlledJob } from '../support/jobs/controlled-job.js';
import { startCutProxy } from '../support/http/cut-proxy.js';
import { listen, type Listening } from '../support/http/raw-http.js';

const job = controlledJob();
let tasks: TaskManager;
let server: Listening;

beforeAll(async () => {
  tasks = createTaskManager({ retryMs: 0 });
  server = await listen((req, res) => {
    void tasks.executeWithSSE(req, undefined, undefined, job.job).then((stream) => stream.pipe(res));
  });
});

afterAll(async () => {
  await tasks.stop();
  await server.close();
});

/** Texts that could end a line, a field or an event, or that an encoder could get wrong. */
const TEXTS = [
  ...['a\nb', 'a\rb', 'a\r\nb', '\n', '\n\n', '\r\r', 'a\n', '\na', 'a\n\nb', 'a\n\ndata: forged\n\n'],
  ...['\u2028', '\u2029', 'a\u0085b', '\ufeff', '\ufeffa', ' ', ' a', '  a', ':', ': a', 'a: b', '', '\0', 'a\0b'],
  ...['id: 1', 'event: complete', 'retry: 1', 'data:', '\t', '\u001b[0m', '"', '\\', '\\n', '</script>', '\u007f'],
  ...['ä', '☃', '😀', '👩‍👩‍👧‍👦', 'e\u0301', '\uffff', 'x'.repeat(100_000), '😀\n'.repeat(20_000)],
];
/** JSON has a text for each half of a pair, so that the wire stays UTF-8. */
const LONE_SURROGATES = ['\ud800', '\udc00', 'a\ud800b', '\udc00\ud800', '😀\ud83d'];
const VALUES = [null, true, 0, -1.5, 1e21, [], {}, [1, [2, [3]]], { 'a\nb': 'c\r\n: d' }, { __proto__: null, a: 1 }];
const EVERYTHING: readonly unknown[] = [...TEXTS, ...LONE_SURROGATES, ...VALUES];

describe.each([eventsource, undici].map((client) => [client.name, client] as const))('%s', (_name, client) => {
  it.each([
    ['as it is sent', {}],
    ['in segments of one byte', { chunkBytes: 1 }],
  ])('gets names, ids and data unchanged, %s', async (_how, plan) => {
    const values =
      'chunkBytes' in plan ? EVERYTHING.filter((value) => JSON.stringify(value).length < 1_000) : EVERYTHING;
    const proxy = await startCutProxy({ upstreamPort: server.port, plan: () => plan });
    const nth = job.calls + 1;
    const running = client.open(proxy.url, { eventNames: ['named'] });
    const { context, finish } = await job.run(nth);
    for (const value of values) {
      await context.updateProgress(value);
      await context.emit('named', value);
    }
    finish(values);
    expect(await running.ended).toBe('no-content');
    const got = (name: string): unknown[] =>
      running.events.filter(({ event }) => event === name).map(({ data }): unknown => JSON.parse(data));
    expect(got('message')).toEqual(values);
    expect(got('named')).toEqual(values);
    expect(got('complete')).toEqual([expect.objectContaining({ result: values })]);
    expect(running.events).toHaveLength(2 * values.length + 2);
    await proxy.close();
  });
});
