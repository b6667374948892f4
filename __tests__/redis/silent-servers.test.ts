import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createClient as createClient5 } from 'redis5';
import { createClient as createClient6 } from 'redis6';
import { until } from '../support/clock/until.js';
import { untilServed, useFailingRedis } from '../support/redis/failing-redis.js';
import { describeWithRedisServer } from '../support/redis/redis-server.js';

jest.setTimeout(60_000);

interface Options {
  readonly socket: { readonly socketTimeout: number; readonly reconnectStrategy?: number };
  readonly pingInterval: number;
}

/** The options of node-redis that the docs recommend, ten times as fast. */
function recommended(): Options {
  const docs = readFileSync(join(__dirname, '..', '..', 'docs', 'REDIS.md'), 'utf8');
  const text = /^\| node-redis +\| `(socket: .*?)` +\|/mu.exec(docs)?.[1] ?? '';
  const json = `{${text}}`.replace(/(\w+):/gu, '"$1":').replace(/(\d+)_?(\d\d)0/gu, '$1$2');
  return JSON.parse(json) as Options;
}

const CLIENTS = {
  'node-redis 5': (url: string) => createClient5({ url, ...recommended() }),
  'node-redis 6': (url: string) => createClient6({ url, ...recommended() }),
};

describeWithRedisServer('a server that is silent, and a client with the options that the docs recommend', () => {
  const fixture = useFailingRedis();

  it.each(Object.entries(CLIENTS))(
    'gives its connection up, and serves tasks again once the server answers: %s',
    async (_, create) => {
      await fixture.server();
      const client = create(fixture.redis.url);
      client.on('error', () => undefined);
      await client.connect();
      const open = (): Promise<{ client: typeof client; command: () => Promise<unknown>; close: () => void }> =>
        Promise.resolve({
          client,
          command: () => client.sendCommand(['PING']),
          close: () => {
            if (client.isOpen) client.destroy();
          },
        });
      const a = await fixture.web({ open });
      await untilServed(a);
      fixture.redis.pause();
      await until(() => !client.isReady);
      fixture.redis.resume();
      await until(() => client.isReady);
      await untilServed(a);
    },
  );
});
