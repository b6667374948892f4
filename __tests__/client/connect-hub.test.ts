import { connectHub, type HubConnection, type HubConnectionOptions } from '../../lib/client/index.js';
import { randomCuts, startCutProxy } from '../support/cut-proxy.js';
import { settle, useFakeFetch } from '../support/fake-fetch.js';
import { Gate } from '../support/flow.js';
import { useHubServers, type HubServer } from '../support/hub-server.js';
import { announceSeed, createRandom, type Random } from '../support/random.js';
import { problem } from '../support/fake-task-server.js';
import { Items } from '../support/task-storage.js';

/** `RUNS=100 MESSAGES=2000 npx jest connect-hub` for more. */
const RUNS = Number(process.env.RUNS ?? 4);
const MESSAGES = Number(process.env.MESSAGES ?? 400);
const seed = announceSeed('connect-hub');

jest.setTimeout(60_000 + RUNS * MESSAGES * 10);

const startHub = useHubServers();
const connections: HubConnection[] = [];
afterEach(() => {
  for (const connection of connections.splice(0)) connection.close();
});

function connect(url: string, options: HubConnectionOptions = {}): HubConnection {
  const connection = connectHub(url, options);
  connections.push(connection);
  return connection;
}

/** The next event of that name. */
const next = (connection: HubConnection, event: string): Promise<unknown> =>
  new Promise((resolve) => {
    const off = connection.on(event, (data) => {
      off();
      resolve(data);
    });
  });

const asUser = () => ({ userId: 'ann', rooms: ['red'] });

it(`gets each of ${MESSAGES} messages of all kinds once and in order, wherever its connections break, in ${RUNS} runs`, async () => {
  for (let run = 0; run < RUNS; run++) {
    const server = await startHub({ retryMs: 1, connect: asUser });
    const cuts = await runOnce(server, createRandom(seed).fork(run));
    process.stdout.write(`connect-hub: run ${run}, ${MESSAGES} messages, ${cuts} cuts\n`);
  }
});

async function runOnce({ hub, port }: HubServer, random: Random): Promise<number> {
  const plan = randomCuts(random, { maxBytes: 3_000, chunkSizes: [undefined, undefined, 50, 3] });
  const proxy = await startCutProxy({ upstreamPort: port, plan });
  const client = connect(`${proxy.url}/connect`);
  const got: number[] = [];
  const strays: unknown[] = [];
  let sent = 0;
  const ways = [
    (message: object) => hub.broadcast({ data: message }),
    (message: object) => hub.publish('red', { data: message, event: 'room' }),
    (message: object) => hub.sendToUser('ann', { data: message, id: `own:${sent}` }),
    (message: object) => hub.send(client.clientId!, { data: message, event: 'direct' }),
  ];
  const sendSome = (): void => {
    for (let count = random.int(1, 20); count > 0 && sent < MESSAGES; count--) {
      random.pick(ways)({ n: ++sent, text: 'é'.repeat(sent % 50) });
    }
  };
  try {
    await new Promise<void>((resolve) => {
      const receive = ({ n }: { n: number }): void => {
        got.push(n);
        if (got.length === MESSAGES) resolve();
        else if (got.length === sent) sendSome();
      };
      for (const event of ['message', 'room', 'direct']) client.on(event, receive);
      client.on('gap', (gap) => strays.push(gap));
      client.on('connected', sendSome); // also while it has not had what was sent before
    });
  } finally {
    client.close();
    await proxy.close();
  }
  expect(got).toEqual(Array.from({ length: MESSAGES }, (_, at) => at + 1));
  expect(strays).toEqual([]);
  expect(proxy.cuts).toBeGreaterThan(5);
  return proxy.cuts;
}

/** A connected client, and a gate before its next attempt. */
async function stayAway(options: Parameters<typeof startHub>[0] = {}) {
  const server = await startHub({ retryMs: 1, ...options });
  const proxy = await startCutProxy({ upstreamPort: server.port });
  const gate = new Gate();
  const client = connect(`${proxy.url}/connect`, { headers: () => gate.passable().then(() => ({})) });
  await next(client, 'connected');
  gate.shut();
  proxy.cutAll();
  await server.left(1);
  return { ...server, client, comeBack: () => gate.open(), close: () => proxy.close() };
}

it('gets what came while it was away, as the same client', async () => {
  const { hub, client, comeBack, close } = await stayAway();
  const id = client.clientId!;
  hub.broadcast({ data: 'for all' });
  hub.send(id, { event: 'direct', data: 'for it' });
  const both = Promise.all([next(client, 'message'), next(client, 'direct')]);
  comeBack();
  expect(await both).toEqual(['for all', 'for it']);
  expect(client.clientId).toBe(id);
  client.close();
  await close();
});

it('hears of a gap as of any event, before what is kept', async () => {
  const { hub, client, comeBack, close } = await stayAway({ historyEvents: 8 });
  for (let n = 1; n <= 40; n++) hub.broadcast({ data: n });
  const order: unknown[] = [];
  client.on('gap', (gap) => order.push(gap));
  const last = new Promise<void>((resolve) => {
    client.on('message', (n) => {
      order.push(n);
      if (n === 40) resolve();
    });
  });
  comeBack();
  await last;
  const [gap, ...kept] = order;
  expect(gap).toEqual({ from: 1, to: (kept[0] as number) - 1, reason: 'trimmed' });
  expect(kept).toEqual(kept.map((_, at) => 41 - kept.length + at));
  client.close();
  await close();
});

it('of a page that was reloaded gets what came meanwhile, through its storage', async () => {
  const server = await startHub({ connect: asUser });
  const storage = new Items();
  const before = connect(`${server.url}/connect`, { storage });
  await next(before, 'connected');
  server.hub.broadcast({ data: 1 });
  await next(before, 'message');
  before.close();
  await server.left(1);
  server.hub.publish('red', { data: 2 });
  server.hub.send(before.clientId!, { data: 3 });
  const after = connect(`${server.url}/connect`, { storage });
  const got: unknown[] = [];
  await new Promise<void>((resolve) => {
    after.on('message', (data, id) => {
      got.push([data, id.endsWith(`.${data as number}`)]);
      if (data === 3) resolve();
    });
  });
  expect(got).toEqual([
    [2, true],
    [3, true],
  ]);
  expect(after.clientId).toBe(before.clientId);
});

it('is told why it is refused, and asks no more', async () => {
  const { url } = await startHub();
  const states: string[] = [];
  const client = connect(`${url}/hub/connect`, { onStateChange: (state) => states.push(state) });
  await expect(client.closed).rejects.toMatchObject({ name: 'StreamError', code: 'HTTP_401', status: 401 });
  expect([client.state, client.clientId, states]).toEqual(['closed', undefined, ['closed']]);
});

it('goes through the fetch that it is given', async () => {
  const { url } = await startHub();
  const asked: string[] = [];
  const client = connect(`${url}/hub/connect`, {
    headers: () => ({ 'X-User': 'ann' }),
    fetch: (url, init) => {
      asked.push(url);
      return fetch(url, init);
    },
  });
  await next(client, 'connected');
  expect(asked).toEqual([`${url}/hub/connect`]);
  client.close();
  await client.closed;
  expect(client.state).toBe('closed');
});

describe('on the wire', () => {
  const fake = useFakeFetch();
  const URL_ = 'http://hub.test/connect';
  const frame = (data: unknown, id?: string, event?: string): string =>
    `${event === undefined ? '' : `event: ${event}\n`}data: ${JSON.stringify(data)}\n${id === undefined ? '' : `id: ${id}\n`}\n`;

  it('names itself from the start, so that a first answer which is lost costs nothing', async () => {
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

  it('takes the id that the hub gives, comes back with it, and keeps its position over frames without an id', async () => {
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

  it('forgets what the hub cannot read', async () => {
    const storage = new Items();
    storage.setItem(`hub:${URL_}`, 'x y');
    const client = connect(URL_, { storage });
    (await fake.request(1)).answer(...problem(400, 'INVALID_CURSOR'));
    await expect(client.closed).rejects.toMatchObject({ code: 'INVALID_CURSOR' });
    expect(storage.items.size).toBe(0);
  });

  it.each(['日本', 'a b', 'a\u0001'])('comes back although an event, or its storage, has the id %j', async (id) => {
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

  it('calls who listens as often as they asked for it, and not after they left', async () => {
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
