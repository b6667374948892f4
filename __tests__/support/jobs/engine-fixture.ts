import { Engine } from '../../../lib/core/engine/engine.js';
import type { StartRequest } from '../../../lib/core/run/start-request.js';
import { resolveOptions, type EngineOptions } from '../../../lib/core/engine/engine-options.js';
import type { TaskFeed, TaskRecord } from '../../../lib/core/ports.js';
import type { AsyncTask } from '../../../lib/core/task/task.js';
import { Wires } from '../../../lib/wires/wires.js';
import { ManualClock } from '../clock/manual-clock.js';

/** A job that heeds nothing and never ends. */
export const endless: AsyncTask = () => new Promise(() => undefined);

/** A job that heeds its signal. */
export const untilAborted: AsyncTask = ({ signal }) =>
  new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => {
      resolve();
    });
  });

/** An engine whose time is moved by hand. */
export class EngineFixture {
  readonly clock = new ManualClock();
  readonly errors: [unknown, string][] = [];
  readonly engine: Engine;

  constructor(options: EngineOptions = {}) {
    const onTaskError: EngineOptions['onTaskError'] = (error, { taskId }) => this.errors.push([error, taskId]);
    const resolved = resolveOptions({ clock: this.clock, onTaskError, ...options });
    this.engine = new Engine(resolved, options.store, new Wires());
  }

  async start(job: AsyncTask, changed: Partial<StartRequest> = {}): Promise<TaskRecord> {
    const { timeoutMs, abandonAfterMs } = this.engine.options;
    const request: StartRequest = {
      ...{ job, timeoutMs, abandonAfterMs, input: undefined, snapshot: undefined, handler: 'test' },
      ...{ owner: undefined, idempotencyKey: undefined, fingerprint: undefined },
      ...changed,
    };
    return (await this.engine.start(request)).record;
  }

  /** Opens the log of a task, as a subscriber without a past does. */
  async open(taskId: string): Promise<TaskFeed> {
    const known = { record: { taskId } as TaskRecord, created: false };
    return (await this.engine.attachTo(known, { cursor: 0, subscriberId: undefined, snapshot: false })).open();
  }

  /** The status of a task, and with it the code of its outcome once it has ended. */
  async statusOf(taskId: string): Promise<unknown> {
    const { status, outcome } = await this.engine.find({ taskId });
    return outcome === undefined ? status : [status, (JSON.parse(outcome) as { code?: string }).code];
  }
}
