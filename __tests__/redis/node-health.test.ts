import type { RedisPort, RedisProbe } from '../../lib/redis/clients/client-port.js';
import { NodeHealth } from '../../lib/redis/clients/node-health.js';
import { ManualClock } from '../support/clock/manual-clock.js';

const TIMEOUT_MS = 500;

/** A client whose probes and reconnections are answered when the test says so. */
class SlowPort implements Pick<RedisPort, 'cluster' | 'probe' | 'reconnect'> {
  readonly cluster = true;
  readonly probes: (() => void)[] = [];
  readonly closed: number[] = [];
  readonly reconnections: (() => void)[] = [];

  probe(): RedisProbe {
    const index = this.probes.length;
    const answered = new Promise<void>((resolve) => this.probes.push(resolve));
    return { answered, close: () => void this.closed.push(index) };
  }

  reconnect(): Promise<unknown> {
    return new Promise<void>((resolve) => this.reconnections.push(resolve));
  }
}

describe('a node that takes commands and answers none', () => {
  const clock = new ManualClock();
  let port: SlowPort;
  let health: NodeHealth<object>;

  const pass = async (ms: number): Promise<void> => {
    clock.advance(ms);
    await new Promise((resolve) => setImmediate(resolve));
  };

  beforeEach(() => {
    port = new SlowPort();
    health = new NodeHealth(port as unknown as RedisPort, clock, TIMEOUT_MS);
    health.missed('a key', {});
  });

  afterEach(() => {
    health.close();
  });

  it('is left as soon as another connection to it gets an answer, however long that took', async () => {
    await pass(3 * TIMEOUT_MS);
    expect(port.reconnections).toHaveLength(0);
    port.probes[0]!();
    await pass(0);
    expect(port.reconnections).toHaveLength(1);
    expect(health.isOverdue('a key')).toBe(false);
  });

  it('is not left while the connection of the client has its time to answer too', async () => {
    port.probes[0]!();
    const sent = {};
    health.missed('a key', sent);
    await pass(TIMEOUT_MS - 1);
    health.answered('a key', sent);
    await pass(TIMEOUT_MS);
    expect(port.reconnections).toHaveLength(0);
  });

  it('is probed anew where a probe gets no answer at all', async () => {
    await pass(8 * TIMEOUT_MS);
    expect([port.closed, port.probes.length]).toEqual([[0], 2]);
  });

  it('is left once more where it hangs again while the client reconnects', async () => {
    port.probes[0]!();
    await pass(TIMEOUT_MS);
    expect(port.reconnections).toHaveLength(1);
    await pass(2 * TIMEOUT_MS);
    expect(port.reconnections).toHaveLength(2);
    await pass(3 * TIMEOUT_MS);
    expect(port.reconnections).toHaveLength(2); // later each time
    port.reconnections[1]!();
    await pass(0);
    await pass(60_000);
    expect(port.reconnections).toHaveLength(2);
  });

  it('causes no reconnect after the store is closed', async () => {
    port.probes[0]!();
    await pass(TIMEOUT_MS);
    health.close();
    await pass(60_000);
    expect([port.reconnections.length, clock.timers]).toEqual([1, 0]);
  });
});
