import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { streamTask } from '../../lib/client/index.js';
import { settle } from '../support/clients/fake-fetch.js';
import { codeOf, complete, frame, IDS, task } from '../support/servers/fake-task-server.js';

// What a fake fetch would not show: how that of Node behaves when a stream is left.
beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['setImmediate', 'queueMicrotask', 'nextTick', 'performance'] });
});
afterEach(() => {
  jest.useRealTimers();
});

const HEADERS = { ...IDS, 'Content-Type': 'text/event-stream' };

async function serve(listener: RequestListener): Promise<{ url: string; close: () => void }> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = (): void => {
    server.close();
    server.closeAllConnections();
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, close };
}

it('a task that has ended leaves nothing that would keep a process alive', async () => {
  let finish!: () => void;
  const { url, close } = await serve((_req, res) => {
    res.writeHead(200, HEADERS).write(task() + frame(1, 'a'));
    // Two writes in one turn, when the client waits for more: its last read finds the end and the end of the body.
    finish = () => {
      res.write(complete(2));
      res.end();
    };
  });
  const { result } = streamTask(url, { onProgress: () => setImmediate(finish) });
  expect(await result).toBe('done');
  await settle();
  expect(jest.getTimerCount()).toBe(0);
  close();
});

it('a task that is left in the middle leaves nothing that would keep a process alive', async () => {
  const { url, close } = await serve((_req, res) => res.writeHead(200, HEADERS).write(task() + frame(1, 'a')));
  const connection = streamTask(url, { onProgress: () => connection.close() });
  expect(await codeOf(connection.result)).toBe('CLOSED');
  await settle();
  expect(jest.getTimerCount()).toBe(0);
  close();
});
