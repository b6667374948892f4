import { settle } from '../support/clients/fake-fetch.js';
import { codeOf, frame, open, passes, useFakeServer } from '../support/servers/fake-task-server.js';

const { fake, streamOf } = useFakeServer();

describe('cancel()', () => {
  const LINK = { Link: '<http://tasks.test/tasks/task-1>; rel="status"' };

  it('waits for the first answer, deletes the task that it names, and the stream tells the end', async () => {
    const { connection } = open({ headers: () => ({ Authorization: 'Bearer 1' }) });
    const cancelled = connection.cancel();
    const { stream } = await streamOf(1, 0, LINK);
    const request = await fake.request(2);
    expect([request.method, request.url]).toEqual(['DELETE', 'http://tasks.test/tasks/task-1']);
    expect(request.headers.get('authorization')).toBe('Bearer 1');
    request.answer(204);
    await cancelled;
    stream.write(frame(1, { code: 'TASK_CANCELLED', reason: 'by the client' }, 'cancelled'));
    expect(await codeOf(connection.result)).toBe('TASK_CANCELLED');
    await connection.cancel();
    expect(fake.asked).toHaveLength(2);
  });

  it('names no type of a body that only the start has: some servers refuse a request with a type and no body', async () => {
    const headers = { 'Content-Type': 'application/json', Authorization: 'Bearer 1' };
    const { connection } = open({ method: 'POST', body: '{}', headers });
    const { stream } = await streamOf(1, 0, { ...LINK, 'Content-Location': '/tasks/task-1/events' });
    stream.end();
    await passes(1_000);
    await streamOf(2);
    const cancelled = connection.cancel();
    (await fake.request(3)).answer(204);
    await cancelled;
    expect(fake.asked.map(({ method, headers: sent }) => [method, sent.get('content-type')])).toEqual([
      ['POST', 'application/json'],
      ['GET', null],
      ['DELETE', null],
    ]);
    expect(fake.asked.map(({ headers: sent }) => sent.get('authorization'))).toEqual(Array(3).fill('Bearer 1'));
    connection.close();
    await settle();
  });

  it.each([
    [409, 'no error'],
    [404, 'HTTP_404'],
  ])('answered %i: %s', async (status, outcome) => {
    const { connection } = open();
    await streamOf(1, 0, LINK);
    const code = codeOf(connection.cancel());
    (await fake.request(2)).answer(status);
    expect(await code).toBe(outcome);
    connection.close();
    await settle();
  });

  it('goes through the fetch that the stream goes through', async () => {
    let asked = 0;
    const { connection } = open({
      fetch: (input, init) => {
        asked++;
        return fetch(input, init);
      },
    });
    await streamOf(1, 0, LINK);
    const cancelled = connection.cancel();
    (await fake.request(2)).answer(204);
    await cancelled;
    expect(asked).toBe(2);
    connection.close();
    await settle();
  });

  it('rejects where the server has not said where a task can be cancelled', async () => {
    const { connection } = open();
    await streamOf(1);
    const refusal = { code: 'NO_LINK', message: expect.stringContaining('publicPath') as string };
    await expect(connection.cancel()).rejects.toMatchObject(refusal);
    connection.close();
    await settle();
  });
});
