import express from 'express';
import { streamTask, type StreamTaskOptions, type TaskConnection, type TaskEvent } from '../../lib/client/index.js';
import { createTaskManager, type TaskContext } from '../../lib/index.js';
import { startCutProxy } from '../support/http/cut-proxy.js';
import { Counter, Gate } from '../support/jobs/flow.js';
import { listen } from '../support/http/raw-http.js';
import { Items } from '../support/clients/task-storage.js';

const TEXT = Array.from({ length: 200 }, (_, at) => `token ${at} `);
const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** A job that writes TEXT token by token, up to where it is allowed, with a log that keeps a dozen of them. */
async function startWriter() {
  const allowed = new Counter();
  const written = new Counter();
  const left = new Counter();
  const tasks = createTaskManager({ retryMs: 1, maxEventsPerTask: 12 });
  const app = express();
  app.use((_req, res, next) => {
    res.once('close', () => left.add(1));
    next();
  });
  app.all(
    '/answer',
    tasks.handler(
      async ({ updateProgress }: TaskContext<string>) => {
        for (const [at, token] of TEXT.entries()) {
          await allowed.reached(at + 1);
          await updateProgress(token);
          written.add(1);
        }
      },
      { snapshot: { initial: () => '', reduce: (text: string, token: string) => text + token } },
    ),
  );
  const server = await listen(app);
  const proxy = await startCutProxy({ upstreamPort: server.port });
  closing.push(
    () => tasks.stop(),
    () => server.close(),
    () => proxy.close(),
  );
  const write = async (count: number): Promise<void> => {
    allowed.add(count);
    await written.reached(allowed.count);
  };
  return { url: `${proxy.url}/answer`, proxy, write, left };
}

/** Follows the answer as a page does: a snapshot is the text, a token is added to it. */
function follow(url: string, options: StreamTaskOptions<string> = {}) {
  const events: TaskEvent<string>[] = [];
  const characters = new Counter();
  let text = '';
  const connection: TaskConnection<string> = streamTask<string>(url, {
    ...options,
    onEvent(event) {
      events.push(event);
      if (event.kind === 'snapshot') text = event.data as string;
      if (event.kind === 'progress') text += event.data;
      characters.add(text.length - characters.count);
    },
  });
  /** Resolves once it has the first `count` tokens, however they came. */
  const has = (count: number): Promise<void> => characters.reached(TEXT.slice(0, count).join('').length);
  const kinds = (): string[] => events.map(({ kind }) => kind);
  return { connection, events, kinds, has, text: () => text };
}

it('a client whose missed events are no longer kept gets the folded state, then the rest', async () => {
  const { url, proxy, write, left } = await startWriter();
  const gate = new Gate();
  const { connection, events, kinds, has, text } = follow(url, { headers: () => gate.passable().then(() => ({})) });
  await write(5);
  await has(5);
  gate.shut();
  proxy.cutAll();
  await left.reached(1);
  await write(150);
  gate.open();
  await has(155);
  const snapshot = events[5];
  expect(kinds().slice(0, 6)).toEqual([...Array<string>(5).fill('progress'), 'snapshot']);
  expect(snapshot).toMatchObject({ data: TEXT.slice(0, (snapshot as { seq: number }).seq).join('') });
  await write(45);
  await connection.result;
  expect(text()).toBe(TEXT.join(''));
  expect(kinds()).not.toContain('gap');
});

it('a page that was reloaded gets the text so far in one event', async () => {
  const { url, write, left } = await startWriter();
  const options: StreamTaskOptions<string> = { method: 'POST', storage: new Items(), resumeFrom: 'snapshot' };
  const before = follow(url, options);
  await write(100);
  await before.has(100);
  before.connection.close();
  await left.reached(1);
  await write(20);
  const after = follow(url, options);
  await after.has(120);
  expect(after.events).toEqual([{ kind: 'snapshot', seq: 120, data: TEXT.slice(0, 120).join('') }]);
  // No faster than the log keeps, or it would be given the state once more.
  for (let count = 125; count <= 200; count += 5) {
    await write(5);
    await after.has(count);
  }
  await after.connection.result;
  expect(after.text()).toBe(TEXT.join(''));
  expect(after.kinds()).toEqual(['snapshot', ...Array<string>(80).fill('progress'), 'complete']);
});
