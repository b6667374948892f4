import { type MemoryStore } from '../../../lib/core/store/memory-store.js';
import type { TaskInfo } from '../../../lib/core/task/task.js';
import { toTaskInfo, type AsyncTask } from '../../../lib/core/task/task.js';
import type { RunOptions } from '../../../lib/core/run/start-request.js';
import { Run, type RunObserver, type RunSettings } from '../../../lib/core/run/run.js';
import type { FinalStatus } from '../../../lib/core/task/status.js';
import { EventLoopYielder } from '../../../lib/core/run/event-loop-yielder.js';
import type { StoreSettings } from '../../../lib/core/ports.js';
import { decodeEvents, type Frame } from '../../../lib/sse/frame.js';
import { ManualClock } from '../clock/manual-clock.js';
import { openMemory } from '../stores/memory-stores.js';
import { draft } from '../stores/store-fixtures.js';

/** Notes what a run tells its manager. */
export class RecordingObserver implements RunObserver {
  readonly errors: unknown[] = [];
  readonly settlements: (FinalStatus | undefined)[] = [];
  readonly audiences: number[] = [];
  jobsSettled = 0;

  audienceChanged(_run: Run, subscribers: number): void {
    this.audiences.push(subscribers);
  }

  ended(_run: Run, status: FinalStatus | undefined): void {
    this.settlements.push(status);
  }

  settled(): void {
    this.jobsSettled++;
  }

  failed(_run: Run, error: unknown): void {
    this.errors.push(error);
  }
}

/** A run on a memory store of its own. */
export class RunFixture {
  readonly clock = new ManualClock();
  readonly store: MemoryStore;
  readonly observer = new RecordingObserver();
  readonly run: Run;

  constructor(
    job: AsyncTask,
    options: Partial<RunOptions> = {},
    settings: Partial<RunSettings> = {},
    storing: Partial<StoreSettings> = {},
  ) {
    this.store = openMemory({ clock: this.clock, ...storing });
    const given = { input: undefined, timeoutMs: 1_000, abandonAfterMs: Infinity, snapshot: undefined, ...options };
    const yielder = new EventLoopYielder(this.clock);
    const limits = { clock: this.clock, yielder, maxEventBytes: 1_024, exposeErrors: false, ...settings };
    const creation = this.store.create(draft({ taskId: 'task-1' }));
    if (!creation.created) throw new Error('The store found a task where none was');
    this.run = new Run(creation.writer, job, given, limits, this.observer);
  }

  start(): this {
    this.run.start();
    return this;
  }

  get info(): TaskInfo {
    return toTaskInfo(this.run.record);
  }

  /** Every event that is kept. */
  get events(): Frame[] {
    const { log } = this.store.open('task-1')!;
    const frames: Frame[] = [];
    for (let slice = log.readAfter(log.firstSeq - 1); slice !== undefined; slice = log.readAfter(slice.to)) {
      frames.push(...decodeEvents(slice.bytes.toString()));
    }
    return frames;
  }

  /** Name and data of every event that is kept. */
  get said(): unknown[] {
    return this.events.map(({ event, data }) => [event, JSON.parse(data)]);
  }
}

/** Resolves in a later turn of the event loop, when everything that was ready has run. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
