import type { TaskWriter } from '../../../lib/core/ports.js';
import type { MemoryFeed } from '../../../lib/core/store/memory-feed.js';
import { Subscription, type Start } from '../../../lib/core/log/subscription.js';
import { Connection } from '../../../lib/sse/connection.js';
import { encodeEvent } from '../../../lib/sse/frame.js';
import { LogEncoder } from '../../../lib/sse/log-encoder.js';
import { Heartbeat, type HeartbeatSettings } from '../../../lib/sse/heartbeat.js';
import { FakeResponse } from './fake-response.js';
import { ManualClock } from '../clock/manual-clock.js';
import { openMemory } from '../stores/memory-stores.js';
import { draft } from '../stores/store-fixtures.js';

export const PRELUDE = 'retry: 2000\n\n';
const TIMES = { heartbeatMs: 1_000, stallTimeoutMs: 3_000, maxConnectionAgeMs: 0, retryMs: 2_000 };

/** A connection from a task of a few events to a response that a test holds in its hand. */
export class ConnectionFixture {
  readonly clock = new ManualClock();
  readonly feed: MemoryFeed;
  readonly writer: TaskWriter;
  heartbeat!: Heartbeat;
  res!: FakeResponse;
  connection!: Connection;
  source!: Subscription;

  constructor() {
    const store = openMemory({ clock: this.clock, log: { maxEvents: 80, maxBytes: 65_536 } });
    const asked = draft();
    const creation = store.create(asked);
    if (!creation.created) throw new Error('The store found a task where none was');
    this.writer = creation.writer;
    this.feed = store.open(asked.taskId)!;
    this.prepare();
  }

  /** A connection that is not open yet. */
  prepare(times: Partial<HeartbeatSettings> = {}, res = new FakeResponse()): void {
    this.heartbeat = new Heartbeat({ clock: this.clock, ...TIMES, ...times });
    this.res = res;
    this.connection = new Connection(res.as(), new LogEncoder(this.feed.record.resumeKey), this.heartbeat);
  }

  open(start: Partial<Start> = {}): void {
    this.source = new Subscription(this.feed, 'ann', { position: 0, snapshot: false, ...start }, this.connection);
    this.connection.open(PRELUDE, this.source);
  }

  /** Appends events that say their own seq. */
  append(...seqs: number[]): void {
    for (const seq of seqs) void this.writer.append(undefined, String(seq));
  }

  /** The frame that `append` writes for `seq`. */
  event(seq: number): string {
    return encodeEvent(this.feed.record.resumeKey, seq, undefined, String(seq));
  }

  /** The frame of a terminal event. */
  end(seq: number): string {
    return encodeEvent(this.feed.record.resumeKey, seq, 'complete', '{}');
  }
}
