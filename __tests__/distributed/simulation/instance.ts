import type { IncomingMessage } from 'node:http';
import { createTaskStore } from '../../../lib/distributed/create-task-store.js';
import { createTaskManager, type TaskManager } from '../../../lib/index.js';
import type { TaskDriver } from '../../../lib/distributed/port/driver.js';
import { fakeRequest } from '../../support/sse/memory-response.js';
import type { Random } from '../../support/random/random.js';
import { FaultyDriver } from './faulty-driver.js';
import { createJob, type JobDiary } from './job.js';
import { type SimulatedResponse } from './response.js';
import { Machine, type VirtualTime } from './virtual-time.js';

export interface InstanceOptions {
  readonly leaseMs: number;
  readonly onLost: 'fail' | 'restart';
  /** Orphans are run by whoever has the name, or by a request to the same route. */
  readonly isNamed: boolean;
  readonly maxEventsPerTask: number;
  readonly maxRunningTasks: number;
}

type Serve = (req: IncomingMessage, res: SimulatedResponse, next: (error: unknown) => void) => void;

/** How long calm has to last until everything must have come to its end, beside the jobs themselves. */
export const ORPHAN_DEADLINE_MS = 8_000;

/** One process of the application: a manager on the shared store, and a route that starts and resumes tasks. */
export class Instance {
  readonly machine: Machine;
  readonly driver: FaultyDriver;
  readonly tasks: TaskManager;
  readonly #serve: Serve;
  /** Resolves when it has stopped gracefully. */
  stopping: Promise<void> | undefined;

  constructor(
    readonly name: string,
    time: VirtualTime,
    driver: TaskDriver,
    random: Random,
    diary: JobDiary,
    readonly options: InstanceOptions,
  ) {
    const { leaseMs, onLost, isNamed, maxEventsPerTask, maxRunningTasks } = options;
    this.machine = new Machine(time, random.int(0, 1_000_000));
    this.driver = new FaultyDriver(driver, this.machine, random.fork(7));
    this.tasks = createTaskManager({
      ...{ store: createTaskStore(this.driver, { leaseMs }), clock: this.machine.clock, onLost, maxEventsPerTask },
      ...{ maxRunningTasks, maxAttempts: 3, orphanDeadlineMs: ORPHAN_DEADLINE_MS, appendPatienceMs: 4_000 },
      ...{ storeTimeoutMs: 500, sweepIntervalMs: 1_000, abandonAfterMs: Infinity, onTaskError: () => undefined },
    });
    const job = createJob(this.machine, diary);
    this.#serve = this.tasks.handler(job, isNamed ? { name: 'job' } : {}) as unknown as Serve;
  }

  /** Its name in the store. */
  get storeName(): string {
    return this.driver.instance;
  }

  get isUp(): boolean {
    return this.machine.state === 'up' && this.stopping === undefined;
  }

  /** A request reaches the process, if it is there. */
  request(query: string, headers: Record<string, string>, response: SimulatedResponse): void {
    if (this.machine.state === 'dead') {
      response.destroy();
      return;
    }
    this.machine.deliver(() => {
      const req = Object.assign(fakeRequest(`/job?${query}`, headers), { res: response });
      this.#serve(req, response, () => response.destroy());
    });
  }

  stop(): void {
    this.stopping ??= this.tasks.stop({ graceMs: 0 });
  }
}
