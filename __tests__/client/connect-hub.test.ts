import type { HubConnection } from '../../lib/client/index.js';
import { useHubConnections } from '../support/clients/hub-connections.js';
import { randomCuts, startCutProxy } from '../support/http/cut-proxy.js';
import { Gate } from '../support/jobs/flow.js';
import { useHubServers, type HubServer } from '../support/servers/hub-server.js';
import { announceSeed, createRandom, type Random } from '../support/random/random.js';
import { Items } from '../support/clients/task-storage.js';

/** `RUNS=100 MESSAGES=2000 npx jest connect-hub` for more. */
const RUNS = Number(process.env.RUNS ?? 4);
const MESSAGES = Number(process.env.MESSAGES ?? 400);
const seed = announceSeed('connect-hub');

jest.setTimeout(120_000 + RUNS * MESSAGES * 10);

const startHub = useHubServers();
const connect = useHubConnections();

/** The next event of that name. */
const next = (connection: HubConnection, event: string): Promise<unknown> =>
  new Promise((resolve) => {
    const off = connection.on(event, (data) => {
      off();
      resolve(data);
    });
  });

const asUser = () => ({ userId: 'ann', rooms: ['red'] });

it(`a client of a hub gets each of ${MESSAGES} messages of all kinds once and in order, wherever its connections break, in ${RUNS} runs`, async () => {
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

it('a client of a hub gets what came while it was away, as the same client', async () => {
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

it('a client of a hub hears of a gap like of any event, before the messages that are kept', async () => {
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

it('a page that was reloaded gets what came meanwhile, through its storage', async () => {
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

it('a client of a hub is told why it is refused, and asks no more', async () => {
  const { url } = await startHub();
  const states: string[] = [];
  const client = connect(`${url}/hub/connect`, { onStateChange: (state) => states.push(state) });
  await expect(client.closed).rejects.toMatchObject({ name: 'StreamError', code: 'HTTP_401', status: 401 });
  expect([client.state, client.clientId, states]).toEqual(['closed', undefined, ['closed']]);
});

it('a client of a hub uses the fetch that it is given', async () => {
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
