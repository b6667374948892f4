// Checks what both gateways promise: the worker of a closed tab stops at once, long before a lease is over; that of a killed
// gateway stops within the lease; a stranger reaches nobody.
import assert from 'node:assert/strict';
import { startNats, startScript } from './processes.js';

const LEASE_MS = 1_000;

/**
 * @param {string} name
 * @param {URL} server
 * @param {(origin: string, tokens: number) => Promise<{ close(): void }>} openTab asks for tokens, resolves when it has so many
 * @param {(origin: string) => Promise<void>} intrude asserts that a stranger gets nothing
 */
export async function checkGateway(name, server, openTab, intrude) {
  const nats = await startNats().catch(({ message }) => {
    console.log(`SKIPPED: ${message}`);
    process.exit(process.env.CI === undefined ? 0 : 1);
  });
  const env = { NATS_URL: nats.url, LEASE_MS: String(LEASE_MS), PORT: '0' };
  const worker = startScript(new URL('./sse-gateway/worker.js', import.meta.url), env);
  await worker.heard(/ready/);
  const gateway = startScript(server, env);
  const [origin] = await gateway.heard(/(?<=listening on )\S+/);

  // One tab stays open all the time; what happens to others does not touch it.
  const staying = await openTab(origin, 20);
  const tab = await openTab(origin, 20);
  await intrude(origin);
  const closedAt = performance.now();
  tab.close();
  const [, sent, code] = await worker.heard(/stopped after (\d+): (\w+)/);
  const closedMs = performance.now() - closedAt;
  assert.equal(code, 'CLIENT_OFFLINE');
  assert(closedMs < LEASE_MS / 2, `stopped ${closedMs} ms after the tab was closed`);

  const killedAt = performance.now();
  await gateway.kill('SIGKILL');
  const [, , lost] = await worker.heard(/stopped after (\d+): (\w+)/);
  const killedMs = performance.now() - killedAt;
  assert.equal(lost, 'CLIENT_OFFLINE');
  assert(killedMs <= LEASE_MS, `stopped ${killedMs} ms after the gateway was killed`);
  staying.close();

  await worker.kill('SIGTERM');
  await nats.stop();
  const times = `${closedMs.toFixed(0)} ms after the tab was closed, ${killedMs.toFixed(0)} ms after the gateway was killed`;
  console.log(`${name}: the worker stopped ${times} (after ${sent} tokens)`);
}
