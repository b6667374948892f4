/** Encodes gaps and snapshots, which stand in no log, the way the events of the log itself are encoded. */
import type { Epochs } from '../core/log/epochs.js';
import type { Gap } from '../core/log/gap.js';
import type { SnapshotItem } from '../core/log/subscription.js';
import { DEFAULT_WIRE } from './default-wire.js';
import { formatEventId } from './event-id.js';
import type { Wire, WireTask } from './wire.js';

/** The hub's log belongs to no task. */
const NO_TASK: WireTask = Object.freeze({ taskId: '' });

/** Encodes for the readers of one log, whose wire and ids it knows. */
export class LogEncoder {
  /** @param idPrefix what stands before the seq in the ids of the log's events */
  constructor(
    readonly idPrefix: string,
    readonly wire: Wire = DEFAULT_WIRE,
    readonly task: WireTask = NO_TASK,
    readonly epochs?: Epochs,
  ) {}

  idAt(seq: number): string {
    return formatEventId(this.idPrefix, seq, this.epochs?.at(seq));
  }

  encode(item: Gap<string> | SnapshotItem): string {
    if (item.kind === 'gap') return this.wire.gap(this.idAt(item.position), item);
    const text = this.wire.snapshot?.(item, (seq) => this.idAt(seq), this.task);
    // A task on a wire without snapshots stores none, unless the definition of the wire has changed since.
    return text ?? this.wire.gap(this.idAt(item.seq), { from: item.after + 1, to: item.seq, reason: 'trimmed' });
  }
}
