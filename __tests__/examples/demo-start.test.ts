import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { startExample } from '../support/servers/example-server.js';

describe('npm run demo', () => {
  it('takes the next port where the one that is asked for is in use, and says so', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const demo = await startExample('demo', { PORT: String(port) }, 'start.js');
    try {
      const taken = Number(new URL(demo.url).port);
      expect(taken).toBeGreaterThan(port);
      expect(demo.printed[0]).toBe(`Port ${String(port)} is in use; ${String(taken)} is free.`);
      expect((await fetch(demo.url)).status).toBe(200);
    } finally {
      await demo.stop();
      other.close();
    }
  });
});
