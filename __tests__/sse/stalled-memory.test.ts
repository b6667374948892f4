import { MemoryStore } from '../../lib/core/store/memory-store.js';
import { Subscription } from '../../lib/core/log/subscription.js';
import type { OpenTaskStore, TaskFeed, TaskWriter } from '../../lib/core/ports.js';
import { HubEngine } from '../../lib/hub/hub-engine.js';
import { resolveHubOptions } from '../../lib/hub/hub-options.js';
import { Connection } from '../../lib/sse/connection.js';
import { LogEncoder } from '../../lib/sse/log-encoder.js';
import { Heartbeat } from '../../lib/sse/heartbeat.js';
import { createTaskStore } from '../../lib/store/index.js';
import { MapDriver, MapServer } from '../support/stores/map-driver.js';
import { ManualClock } from '../support/clock/manual-clock.js';
import { fakeRequest, MemoryResponse } from '../support/sse/memory-response.js';
import { draft, storeSettings } from '../support/stores/store-fixtures.js';

const KIB = 1_024;
const EVENT = JSON.stringify('x'.repeat(100 * KIB));
const LIMITS = { log: { maxEvents: 1_000, maxBytes: 256 * KIB }, maxBufferedBytes: 2_048 * KIB };
const TIMES = { heartbeatMs: 1_000, stallTimeoutMs: 60_000, maxConnectionAgeMs: 0, retryMs: 2_000 };

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A task that takes events of 100 KiB and keeps two of them. */
class Stage {
  readonly clock = new ManualClock();
  readonly heartbeat = new Heartbeat({ clock: this.clock, ...TIMES });
  readonly all: MemoryResponse[] = [];
  store!: OpenTaskStore;
  feed!: TaskFeed;
  writer!: TaskWriter;

  async open(kind: string): Promise<void> {
    const settings = storeSettings({ clock: this.clock, ...LIMITS });
    this.store =
      kind === 'memory' ? new MemoryStore(settings) : createTaskStore(new MapDriver(new MapServer()))(settings);
    const asked = draft();
    const creation = await this.store.create(asked);
    if (!creation.created) throw new Error('The store found a task where none was');
    this.writer = creation.writer;
    this.writer.begin({
      cancelRequested: () => undefined,
      audienceChanged: () => undefined,
      fenced: () => undefined,
      snapshotJson: () => JSON.stringify('s'.repeat(200 * KIB)),
    });
    this.feed = (await this.store.open(asked.taskId))!;
  }

  /** A client at the end of the log that takes nothing beyond what the socket takes. */
  connect(start = { position: this.feed.log.lastSeq, snapshot: false }): MemoryResponse {
    const response = new MemoryResponse({ taking: false });
    response.writeHead(200);
    const connection = new Connection(response.res, new LogEncoder(this.feed.record.resumeKey), this.heartbeat);
    connection.open('retry: 2000\n\n', new Subscription(this.feed, undefined, start, connection));
    this.all.push(response);
    return response;
  }

  async append(): Promise<void> {
    await this.writer.append(undefined, EVENT);
    await turn();
  }

  /** What clients that are still connected have not taken, where it is more than a small copy. */
  get waitingBytes(): number {
    return this.all.filter(({ cut }) => !cut).reduce((sum, { waitingBytes }) => sum + waitingBytes, 0);
  }

  get bufferedBytes(): number {
    return this.store.sizes().bufferedBytes;
  }

  /** The same without what connections hold: the log, and the last progress beside it. */
  get keptBytes(): number {
    return this.feed.log.capacity + EVENT.length;
  }
}

describe.each(['memory', 'shared'])('clients that have stalled, each at another large event (%s store)', (kind) => {
  let stage: Stage;
  beforeEach(async () => {
    stage = new Stage();
    await stage.open(kind);
  });
  afterEach(async () => {
    for (const response of stage.all) response.drop();
    await turn();
    await stage.store.stop?.();
  });

  it('hold no more than a quarter of the budget, all of it counted: those without progress for longest are cut', async () => {
    for (let n = 0; n < 60; n++) {
      stage.connect();
      await stage.append();
      await turn();
      expect(stage.waitingBytes).toBeLessThanOrEqual(LIMITS.maxBufferedBytes / 4 + stage.feed.log.capacity);
      expect(stage.bufferedBytes).toBeGreaterThanOrEqual(stage.waitingBytes - KIB); // preludes
      expect(stage.bufferedBytes).toBeLessThanOrEqual(LIMITS.maxBufferedBytes);
    }
    const cut = stage.all.map((response) => response.cut);
    expect(cut.indexOf(false)).toBe(cut.lastIndexOf(true) + 1);
    expect(cut.filter(Boolean).length).toBeGreaterThan(40);
    expect(stage.all.flatMap(({ misuse }) => misuse)).toEqual([]);
  });

  it('are all kept as long as the log keeps what they have not taken', async () => {
    for (let n = 0; n < 100; n++) stage.connect();
    await stage.append();
    expect(stage.bufferedBytes).toBe(stage.keptBytes);
    await turn();
    expect(stage.all.map(({ cut }) => cut)).not.toContain(true);
  });

  it('no longer count once they have taken it, or have left', async () => {
    const [slow, gone] = [stage.connect(), stage.connect()];
    for (let n = 0; n < 4; n++) await stage.append();
    expect(stage.bufferedBytes).toBeGreaterThan(stage.keptBytes);
    slow.taking = true;
    slow.take(Infinity);
    gone.drop();
    for (let n = 0; n < 20; n++) await turn();
    expect(stage.bufferedBytes).toBe(stage.keptBytes);
  });

  it('are cut before one that makes progress, however slowly', async () => {
    const slow = stage.connect();
    for (let n = 0; n < 3; n++) await stage.append();
    for (let n = 0; n < 20; n++) {
      Object.assign(slow, { socket: { bytesWritten: n } });
      stage.clock.advance(250);
      stage.connect();
      await stage.append();
      await turn();
    }
    expect(slow.cut).toBe(false);
    expect(stage.all.filter(({ cut }) => cut).length).toBeGreaterThan(10);
  });

  it('count data that was made for them alone, such as a snapshot', async () => {
    await stage.append();
    for (let n = 0; n < 10; n++) stage.connect({ position: 0, snapshot: true });
    await turn();
    const alive = stage.all.filter(({ cut }) => !cut).length;
    expect(alive).toBeGreaterThan(1);
    expect(stage.bufferedBytes).toBeGreaterThanOrEqual(alive * 200 * KIB);
    expect(alive * 200 * KIB).toBeLessThanOrEqual(LIMITS.maxBufferedBytes / 4);
  });

  it('are not cut before their first large piece can be sent at all', async () => {
    const only = stage.connect({ position: 0, snapshot: true });
    for (let n = 0; n < 30; n++) await stage.append();
    expect(only.cut).toBe(false);
  });
});

describe('clients of a hub that have stalled, each at another large message', () => {
  it('hold no more than a quarter of its history budget', async () => {
    const options = { maxHistoryBytes: 2_048 * KIB, historyBytes: 256 * KIB, maxEventBytes: 128 * KIB };
    const hub = new HubEngine(resolveHubOptions({ clock: new ManualClock(), ...options }));
    const all: MemoryResponse[] = [];
    for (let n = 0; n < 60; n++) {
      const response = new MemoryResponse({ taking: false });
      all.push(response);
      hub.connect(fakeRequest('/'), response.res, {});
      hub.publish({ kind: 'all', name: '' }, { data: 'x'.repeat(100 * KIB) });
      await turn();
      await turn();
      const waiting = all.filter(({ cut }) => !cut).reduce((sum, { waitingBytes }) => sum + waitingBytes, 0);
      expect(waiting).toBeLessThanOrEqual(options.maxHistoryBytes / 4 + 256 * KIB);
      expect(hub.channels.bufferedBytes).toBeLessThanOrEqual(options.maxHistoryBytes);
    }
    expect(all.filter(({ cut }) => cut).length).toBeGreaterThan(40);
    hub.stop();
    for (const response of all) response.drop();
  });
});
