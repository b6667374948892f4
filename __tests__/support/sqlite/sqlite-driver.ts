import type { Batch, Fate } from '../../../lib/distributed/port/calls.js';
import type { DriverSettings, TaskDriver } from '../../../lib/distributed/port/driver.js';
import { eventLines } from '../../../lib/distributed/port/entry.js';
import type { Draft } from '../../../lib/distributed/port/stored.js';
import type { SqliteDatabase } from '../../../lib/sqlite/connection.js';
import { createSqliteDriver } from '../../../lib/sqlite/sqlite-driver.js';
import { draft } from '../../../lib/testing/driver-contract/steps.js';
import { ManualClock } from '../clock/manual-clock.js';

export const PREFIX = 'resumable_sse_';

/** An opened driver, and the clock that it goes by. */
export function openDriver(database: SqliteDatabase, given: Partial<DriverSettings> = {}): TaskDriver {
  const driver = createSqliteDriver(database, PREFIX);
  driver.open({
    instance: 'a',
    clock: new ManualClock(),
    ttlMs: 1_000,
    runningTtlMs: 1_000,
    limits: { maxEvents: 10_000, maxBytes: 8_388_608 },
    maxTasksPerOwner: Infinity,
    timeoutMs: 2_000,
    ...given,
  });
  return driver;
}

export const draftOf = (taskId: string, given: Partial<Draft> = {}): Draft =>
  draft({ taskId, resumeKey: `resume ${taskId}`, createdAtMs: 1_000, schema: 2, ...given });

/** A batch of one progress event, at `seq` under the token 1. */
export function progressAt(taskId: string, seq: number, json = String(seq), given: Partial<Batch> = {}): Batch {
  const place = { token: 1, seq, bytes: seq * 50 };
  return {
    taskId,
    token: 1,
    entries: [{ place, events: 1, bytes: 50, atMs: 1_000, schema: 2, text: eventLines(undefined, json) }],
    progress: undefined,
    snapshot: undefined,
    ending: undefined,
    trim: false,
    touch: false,
    ...given,
  };
}

export const append = (driver: TaskDriver, batch: Batch): Promise<Fate> => driver.append([batch])[0]!;
