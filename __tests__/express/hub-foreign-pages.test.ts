/** Whose pages may connect to the hub: the same rules as for the start of a task. */
import { useHubServers } from '../support/servers/hub-server.js';
import { OWN_GETS, STRAY_GETS } from '../support/http/stray-gets.js';

const start = useHubServers();

describe.each([
  ['hub.connect', '/connect'],
  ['the router', '/hub/connect'],
])('a GET on %s', (_way, path) => {
  const headersOf = (headers: Record<string, string>) => ({ Host: '127.0.0.1', 'X-User': 'ann', ...headers });

  it.each(STRAY_GETS)('opens nothing: %s', async (_what, headers) => {
    const server = await start();
    const stream = await server.open(path, { headers: headersOf(headers) });
    // A stream that cannot be read because of its Accept is refused for that by the router.
    expect([403, 406]).toContain(stream.status);
    expect(server.hub.getStatistics()).toMatchObject({ activeConnections: 0, totalConnections: 0 });
    stream.destroy();
  });

  it.each(OWN_GETS)('opens a stream: %s', async (_what, headers) => {
    const server = await start();
    const stream = await server.open(path, { headers: headersOf(headers) });
    expect(stream.status).toBe(200);
    stream.destroy();
  });

  it('opens a stream for any page where the application says that something else keeps strangers out', async () => {
    const server = await start({ allowCrossSite: true });
    for (const [, headers] of STRAY_GETS) {
      const accepted = { ...headers, Accept: 'text/event-stream' };
      const stream = await server.open(path, { headers: headersOf(accepted) });
      expect(stream.status).toBe(200);
      stream.destroy();
    }
  });
});
