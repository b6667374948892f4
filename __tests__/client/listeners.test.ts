import { streamTask, type StreamTaskOptions, type TaskConnection } from '../../lib/client/index.js';
import { settle } from '../support/clients/fake-fetch.js';
import { Items } from '../support/clients/task-storage.js';
import { codeOf, complete, frame, KEY, open, URL_, useFakeServer } from '../support/servers/fake-task-server.js';

const { fake, streamOf } = useFakeServer();

describe('a listener', () => {
  let storage: Items;

  it('may throw or reject: the process gets a warning, and neither it nor the stream is disturbed', async () => {
    const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const listen: StreamTaskOptions = {
      onProgress() {
        throw new Error('mine');
      },
      onGap: () => Promise.reject(new Error('mine too')) as never,
    };
    const { connection, events } = open(listen);
    const gap = frame(5, { from: 2, to: 5, reason: 'trimmed' }, 'gap');
    (await streamOf(1)).stream.write(frame(1, 'a') + gap + complete(6));
    await connection.result;
    await settle();
    expect(events).toHaveLength(3);
    expect(warn.mock.calls.map(([warning]) => warning)).toEqual(['Error: mine', 'Error: mine too']);
  });

  it('may throw a value that cannot be shown as text', async () => {
    const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const { connection } = open({ onProgress: () => Promise.reject(Object.create(null) as Error) as never });
    (await streamOf(1)).stream.write(frame(1, 'a') + complete(2));
    await connection.result;
    await settle();
    expect(warn.mock.calls).toEqual([['thrown']]);
  });

  it('may leave its loop, and the stream goes on', async () => {
    const { connection, events } = open();
    const loop = (async () => {
      for await (const event of connection) return event.kind;
      return 'none';
    })();
    (await streamOf(1)).stream.write(frame(1, 'a') + frame(2, 'b') + complete(3));
    expect(await loop).toBe('progress');
    await connection.result;
    expect(events).toHaveLength(3);
  });

  it.each([
    ['close()', 'no error'],
    ['an answer 401', 'HTTP_401'],
  ])('that is a loop hears of %s: %s', async (how, outcome) => {
    const { connection } = open();
    const loop = (async () => {
      for await (const event of connection) throw new Error(event.kind);
    })();
    const asked = await fake.request(1);
    if (how === 'close()') connection.close();
    else asked.answer(401);
    expect(await codeOf(loop)).toBe(outcome);
  });

  it.each<[string, string, (connection: TaskConnection) => void]>([
    ['close the connection at the end', 'nothing', (connection) => connection.close()],
    ['start the next task at the end', 'a start', () => open({ storage }).connection.close()],
  ])('may %s: the result is there, and %s is stored', async (_what, stored, act) => {
    storage = new Items();
    const connection = streamTask(URL_, { storage, onEvent: ({ kind }) => kind === 'complete' && act(connection) });
    (await streamOf(1)).stream.write(frame(1, 'a') + complete(2));
    expect(await connection.result).toBe('done');
    expect(connection.state).toBe('closed');
    expect([...storage.items.values()].some((text) => text.startsWith(KEY))).toBe(false);
    expect(stored === 'nothing' ? storage.items.size : 0).toBe(0);
  });

  it.each(['onEvent', 'onProgress', 'onGap', 'onStateChange', 'debug'] as const)(
    'may be a getter of the options that throws, as %s',
    async (name) => {
      const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
      const mine = (): never => {
        throw new Error('mine');
      };
      const connection = streamTask(URL_, Object.defineProperty({}, name, { get: mine }));
      const gap = frame(5, { from: 2, to: 5, reason: 'trimmed' }, 'gap');
      (await streamOf(1)).stream.write(frame(1, 'a') + gap + complete(6));
      expect(await connection.result).toBe('done');
      expect(warn).toHaveBeenCalledWith('Error: mine');
    },
  );
});
