import type { Batch } from './batch.js';

/** What a writer tells the store that made it. */
export interface WriterOwner<Writer> {
  /** These events are in the log. */
  committed(writer: Writer, batch: Batch): void;
  subscribersOf(writer: Writer): number;
  /** Somebody runs it. */
  begun(writer: Writer): void;
  /** Nothing more will be written: the task has ended, was given up, or belongs to somebody else. */
  closed(writer: Writer): void;
}
