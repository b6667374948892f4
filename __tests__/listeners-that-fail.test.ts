/** Those who are only told of something may fail in every way, in every room: no process ends, and nobody else is disturbed. */
import { connectHub, streamTask } from '../lib/client/index.js';
import { createHub, createTaskManager } from '../lib/index.js';
import { createPresence } from '../lib/nats/index.js';
import { settle, useFakeFetch } from './support/clients/fake-fetch.js';
import { complete, frame, IDS, task, URL_ } from './support/servers/fake-task-server.js';
import { fakeRequest, MemoryResponse } from './support/sse/memory-response.js';
import { ProcessGuard } from './support/processes/process-guard.js';
import { WAYS_TO_FAIL } from './support/jobs/ways-to-fail.js';

let warn: jest.SpyInstance;
let guard: ProcessGuard;
beforeEach(() => {
  warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
  guard = new ProcessGuard();
});
afterEach(() => {
  guard.close();
  warn.mockRestore();
});

/** Runs `tell`, and expects that the process was warned of that one failure, and heard of nothing else. */
async function expectOneWarning(tell: () => unknown, ofCallback?: string): Promise<void> {
  await tell();
  for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate);
  expect(guard.take()).toEqual([]);
  expect(warn.mock.calls).toEqual([
    [
      expect.stringContaining('boom'),
      ...(ofCallback === undefined ? [] : [{ type: 'CallbackWarning', detail: `in ${ofCallback}` }]),
    ],
  ]);
}

describe.each(WAYS_TO_FAIL)('where what is called %s', (_how, fail) => {
  it('onTaskError is warned of, and the task has ended', async () => {
    const tasks = createTaskManager({ onTaskError: fail });
    const { taskId } = await tasks.start(() => Promise.reject(new Error('the job')));
    await expectOneWarning(() => new Promise(setImmediate), 'onTaskError');
    expect(await tasks.getTaskInfo(taskId)).toMatchObject({ status: 'failed' });
  });

  it('an abort listener of a job is reported, and the others are called', async () => {
    const onTaskError = jest.fn();
    const tasks = createTaskManager({ onTaskError });
    const aborted = jest.fn();
    const { taskId } = await tasks.start(({ signal }) => {
      signal.addEventListener('abort', fail);
      signal.addEventListener('abort', aborted);
      return new Promise(() => undefined);
    });
    await new Promise(setImmediate);
    await tasks.cancelTask(taskId);
    for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate);
    expect([guard.take(), onTaskError.mock.calls.length, aborted.mock.calls.length]).toEqual([[], 1, 1]);
  });

  it.each(['connect', 'disconnect'] as const)(
    'a listener of "%s" of a hub is warned of, and the others are called',
    async (event) => {
      const hub = createHub();
      const seen = jest.fn();
      hub.on(event, fail).on(event, seen);
      await expectOneWarning(() => {
        const { id } = hub.connect(fakeRequest('/'), new MemoryResponse().res);
        hub.disconnect(id);
      }, `a listener of "${event}"`);
      expect(seen).toHaveBeenCalledTimes(1);
      await hub.stop();
    },
  );

  it('a listener of clients that go offline is warned of, and the others are called', async () => {
    const presence = createPresence();
    const seen = jest.fn();
    presence.onClientOffline(fail);
    presence.onClientOffline(seen);
    presence.markClientOnline('ann');
    await expectOneWarning(() => {
      presence.markClientOffline('ann');
    }, 'a listener of offline clients');
    expect(seen).toHaveBeenCalledTimes(1);
  });

  it('an abort listener of a client that goes offline is warned of', async () => {
    const presence = createPresence();
    presence.markClientOnline('ann');
    presence.signalFor('ann').addEventListener('abort', fail);
    await expectOneWarning(() => {
      presence.markClientOffline('ann');
    }, 'an abort listener');
  });

  describe('in the client', () => {
    const fake = useFakeFetch();
    beforeEach(() => {
      warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined); // the fake fetch restores all mocks
    });

    it('a listener of a task is warned of, and the stream goes on', async () => {
      const onEvent = jest.fn();
      const connection = streamTask(URL_, { onProgress: fail, onEvent });
      await expectOneWarning(async () => {
        const stream = (await fake.request(1)).stream(IDS);
        stream.write(task() + frame(1, 'a') + complete(2));
        await connection.result;
        await settle();
      });
      expect(onEvent).toHaveBeenCalledTimes(2);
    });

    it('a listener of a hub is warned of, and the others are called', async () => {
      const connection = connectHub(URL_);
      const seen = jest.fn();
      connection.on('news', fail);
      connection.on('news', seen);
      await expectOneWarning(async () => {
        const stream = (await fake.request(1)).stream({ 'X-Client-ID': 'c1' });
        stream.write(frame(0, { client_id: 'c1' }, 'connected') + frame(1, 'a', 'news'));
        await settle();
      });
      expect(seen).toHaveBeenCalledTimes(1);
      connection.close();
    });
  });
});
