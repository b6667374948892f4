import { useHubConnections } from '../support/clients/hub-connections.js';
import { settle, useFakeFetch } from '../support/clients/fake-fetch.js';
import { problem } from '../support/servers/fake-task-server.js';
import { Items } from '../support/clients/task-storage.js';

const connect = useHubConnections();

describe('what a client of a hub sends', () => {
  const fake = useFakeFetch();
  const URL_ = 'http://hub.test/connect';
  const frame = (data: unknown, id?: string, event?: string): string =>
    `${event === undefined ? '' : `event: ${event}\n`}data: ${JSON.stringify(data)}\n${id === undefined ? '' : `id: ${id}\n`}\n`;

  it('names the client from its first request on, so that losing the first answer costs nothing', async () => {
    connect(URL_);
    const first = await fake.request(1);
    expect(first.headers.get('x-client-id')).toMatch(/^[\w-]{22,64}$/);
    expect([first.method, first.headers.get('accept'), first.headers.has('last-event-id')]).toEqual([
      'GET',
      'text/event-stream',
      false,
    ]);
    const stream = first.stream();
    stream.write('retry: 1\n\n');
    await settle();
    stream.cut();
    const second = await fake.request(2);
    expect(second.headers.get('x-client-id')).toBe(first.headers.get('x-client-id'));
  });

  it('uses the client id that the hub gave, and the last position, also after frames without an id', async () => {
    const client = connect(URL_);
    const stream = (await fake.request(1)).stream({ 'X-Client-ID': 'named-by-the-application' });
    stream.write(
      `retry: 1\n${frame({}, 'epoch.3', 'connected')}${frame('a', 'own')}${frame({}, undefined, 'heartbeat')}`,
    );
    await settle();
    expect(client.clientId).toBe('named-by-the-application');
    stream.cut();
    const { headers } = await fake.request(2);
    expect([headers.get('x-client-id'), headers.get('last-event-id')]).toEqual(['named-by-the-application', 'own']);
  });

  it('drops a position that the hub cannot read', async () => {
    const storage = new Items();
    storage.setItem(`hub:${URL_}`, 'x y');
    const client = connect(URL_, { storage });
    (await fake.request(1)).answer(...problem(400, 'INVALID_CURSOR'));
    await expect(client.closed).rejects.toMatchObject({ code: 'INVALID_CURSOR' });
    expect(storage.items.size).toBe(0);
  });

  it.each(['日本', 'a b', 'a\u0001'])('comes back although an event, or the storage, holds the id %j', async (id) => {
    const storage = new Items();
    const client = connect(URL_, { storage });
    const stream = (await fake.request(1)).stream({ 'X-Client-ID': 'x' });
    stream.write(`retry: 1\n${frame('a', 'own')}${frame('b', id)}`);
    await settle();
    stream.cut();
    expect((await fake.request(2)).headers.get('last-event-id')).toBe('own');
    client.close();
    storage.setItem(`hub:${URL_}`, `日本 ${id}`);
    const reloaded = connect(URL_, { storage });
    const { headers } = await fake.request(3);
    expect(headers.get('x-client-id')).toMatch(/^[\d-]+$/);
    reloaded.close();
  });

  it('makes each listener hear an event as often as it was added, and not after it was removed', async () => {
    const client = connect(URL_);
    const got: string[] = [];
    const listener = (data: string): unknown => got.push(data);
    const off = client.on('message', listener);
    client.on('message', listener);
    const stream = (await fake.request(1)).stream();
    stream.write(frame('a', '1'));
    await settle();
    off();
    off();
    stream.write(frame('b', '2'));
    await settle();
    expect(got).toEqual(['a', 'a', 'b']);
    client.close();
    await client.closed;
  });
});
