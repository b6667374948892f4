/** A task of this process's memory as its subscribers read it. */
import type { EventLog } from '../log/event-log.js';
import type { TaskFeed } from '../ports.js';
import type { MemoryTask } from './memory-task.js';

export class MemoryFeed implements TaskFeed {
  constructor(readonly record: MemoryTask) {}

  get log(): EventLog {
    return this.record.log;
  }

  snapshot(): { seq: number; json: string } | undefined {
    const { state, log } = this.record;
    return state === undefined ? undefined : { seq: log.lastSeq - (log.ended ? 1 : 0), json: state };
  }

  join(subscriberId: string | undefined): void {
    this.record.audience.join(subscriberId);
    this.#tellRun();
  }

  leave(subscriberId: string | undefined, position: number): void {
    this.record.audience.leave(subscriberId, position);
    this.#tellRun();
  }

  #tellRun(): void {
    this.record.executor.audienceChanged(this.record.subscribers);
  }
}
