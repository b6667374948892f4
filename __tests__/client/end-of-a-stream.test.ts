import { settle } from '../support/clients/fake-fetch.js';
import { codeOf, frame, open, passes, problem, useFakeServer } from '../support/servers/fake-task-server.js';

const { fake, streamOf } = useFakeServer();

describe('the end of a stream', () => {
  it.each([
    ['failed', { error: { code: 'BAD_FILE', message: 'no' } }, 'BAD_FILE', 'no'],
    ['cancelled', { code: 'TASK_ABANDONED', reason: 'nobody' }, 'TASK_ABANDONED', 'nobody'],
  ])('%s rejects with the code of the task', async (name, data, code, message) => {
    const { connection, events } = open();
    const { stream } = await streamOf(1);
    stream.write(frame(1, data, name) + frame(2, 'after the end'));
    await expect(connection.result).rejects.toMatchObject({ name: 'StreamError', code, message });
    expect(events).toHaveLength(1);
  });

  it.each([
    ['204', 'ENDED', [204] as const],
    ['a refusal of the library', 'INVALID_CURSOR', problem(400, 'INVALID_CURSOR')],
    ['an unknown task', 'TASK_NOT_FOUND', problem(404, 'TASK_NOT_FOUND')],
    ['an expired task', 'TASK_EXPIRED', problem(410, 'TASK_EXPIRED')],
    ['a key that named another start', 'KEY_REUSED', problem(422, 'KEY_REUSED')],
    ['a busy slot', 'SLOT_BUSY', problem(409, 'SLOT_BUSY')],
    ['401, whoever says it', 'HTTP_401', [401, {}, 'please log in'] as const],
    ['403, whoever says it', 'ORIGIN_NOT_ALLOWED', problem(403, 'ORIGIN_NOT_ALLOWED')],
  ])('is %s: %s', async (_name, code, answer) => {
    const { connection, states } = open();
    (await fake.request(1)).answer(...(answer as [number]));
    expect(await codeOf(connection.result)).toBe(code);
    expect(states).toEqual(['closed']);
    await passes(100_000);
    expect(fake.asked).toHaveLength(1);
  });

  it('comes after maxRetries attempts in a row that brought nothing; waits double up to 30 s', async () => {
    const { connection } = open({ maxRetries: 6 });
    (await streamOf(1)).stream.cut(); // brought something: the count begins after it
    await settle();
    for (const [index, ms] of [1_000, 2_000, 4_000, 8_000, 16_000, 30_000].entries()) {
      expect(connection.state).toBe('waiting');
      await passes(ms - 1);
      expect(fake.asked).toHaveLength(index + 1);
      await passes(1);
      (await fake.request(index + 2)).fail();
      await settle();
    }
    await expect(connection.result).rejects.toMatchObject({ code: 'GAVE_UP', cause: { message: 'fetch failed' } });
    expect(fake.asked).toHaveLength(7);
  });

  it('comes at once where the request itself is impossible', async () => {
    const { result } = open({}, 'http://[').connection;
    await expect(result).rejects.toMatchObject({ code: 'INVALID_REQUEST', cause: { name: 'TypeError' } });
    expect(fake.asked).toHaveLength(0);
  });

  it.each(['before the answer', 'while open', 'while waiting'])('is reached by close() %s', async (when) => {
    const { connection, states } = open();
    if (when !== 'before the answer') {
      const { stream } = await streamOf(1);
      if (when === 'while waiting') stream.cut();
      await settle();
      expect(connection.state).toBe(when === 'while waiting' ? 'waiting' : 'open');
    }
    connection.close();
    connection.close();
    expect(await codeOf(connection.result)).toBe('CLOSED');
    expect(states.at(-1)).toBe('closed');
    expect(states.filter((state) => state === 'closed')).toHaveLength(1);
    await passes(100_000);
    expect(fake.asked.length).toBeLessThanOrEqual(1);
  });

  it.each([true, false])(
    'is reached by an aborted signal (aborted before: %s), which keeps no listener',
    async (before) => {
      const controller = new AbortController();
      const added = jest.spyOn(controller.signal, 'addEventListener');
      if (before) controller.abort(new Error('page left'));
      const { connection } = open({ signal: controller.signal });
      if (!before) {
        await streamOf(1);
        controller.abort(new Error('page left'));
      }
      await expect(connection.result).rejects.toThrow('page left');
      expect(fake.asked).toHaveLength(before ? 0 : 1);
      const hung = added.mock.calls.map(([, , options]) => (options as { signal: AbortSignal }).signal.aborted);
      expect(hung).toEqual([true]);
    },
  );
});
