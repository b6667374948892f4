/** Collects the events of one task that are sent together. */
import { unavailable } from '../../core/errors.js';
import type { LogLimits } from '../../core/log/event-log.js';
import { FrameRun } from '../../core/log/frame-run.js';
import type { EncodedTask, StoreSettings } from '../../core/ports.js';
import type { FinalStatus } from '../../core/task/status.js';
import { ignore } from '../../core/optional-promise.js';
import type { Fate } from '../port/calls.js';
import { eventLines, joinLines } from '../port/entry.js';
import { SCHEMA, type Entry, type Place } from '../port/stored.js';

/** An entry holds so many events at most, and never more than a sixteenth of what the log may keep. */
const EVENTS_PER_ENTRY = 64;
const BYTES_PER_ENTRY = 16_384;
const ENTRIES_PER_LOG = 16;
/** A batch that has grown so large takes no more. */
const FULL_BATCH_BYTES = 1_048_576;
/** An event takes about so many bytes of memory beside its text. */
const EVENT_BYTES = 64;

const NO_FRAMES = new FrameRun([]);

interface PendingEvent {
  readonly event: string | undefined;
  readonly json: string;
}

/** Events of one task that wait to be appended together, and the promises of those who wait for them. */
export class PendingBatch {
  readonly events: PendingEvent[] = [];
  /** Its size in memory, about. */
  bytes = 0;
  final: FinalStatus | undefined;
  /** The last progress among its events. */
  progress: string | undefined;
  endsWithProgress = false;
  /** A call for it has been sent whose fate is unknown: from then on it cannot be given up. */
  wasUnknown = false;
  /** The reason why the last call for it has failed. */
  cause: unknown;
  /** The frames of its events as they go over the wire, once it is sealed. */
  run = NO_FRAMES;
  entries: readonly Entry[] = [];
  resolve: () => void = ignore;
  #reject: (error: unknown) => void = ignore;
  /** All its events have one fate. */
  readonly done = new Promise<void>((resolve, reject) => {
    this.resolve = resolve;
    this.#reject = reject;
  });

  /** @param startedMs when its first event was appended, by the monotonic clock */
  constructor(readonly startedMs: number) {}

  get full(): boolean {
    return this.final !== undefined || this.bytes >= FULL_BATCH_BYTES;
  }

  /** Returns by how much the batch has grown. */
  add(event: string | undefined, json: string): number {
    const bytes = json.length + EVENT_BYTES;
    this.events.push({ event, json });
    this.bytes += bytes;
    this.endsWithProgress = event === undefined;
    if (this.endsWithProgress) this.progress = json;
    return bytes;
  }

  /** Nobody has to listen: progress need not be awaited. */
  reject(error: unknown): void {
    this.done.catch(ignore);
    this.#reject(error);
  }

  /** A call for it has failed. */
  failed({ kind, cause }: Extract<Fate, { readonly cause: unknown }>): void {
    this.cause = cause;
    if (kind === 'unknown') this.wasUnknown = true;
  }

  /** Its events have waited for too long, because of `cause` where the store has given one. */
  expire(cause: unknown): void {
    const reason = this.wasUnknown ? 'does not say whether it has the event' : 'has taken no events for too long';
    this.reject(unavailable(`The store ${reason}`, cause));
  }

  /** Encodes the events, which come after `start` under `token`, and lays them out as entries. Returns their end. */
  seal(start: Place, task: EncodedTask, { encode, log }: Pick<StoreSettings, 'encode' | 'log'>, wallMs: number): Place {
    const { taskId, resumeKey, attempt, epoch, wire, slot, progress } = task;
    const described = { taskId, resumeKey, attempt, epoch, wire, slot, progress }; // one for all events
    const frames: string[] = [];
    for (const { event, json } of this.events) {
      frames.push(encode(described, start.seq + frames.length + 1, event, json));
      if (event === undefined) described.progress = json;
    }
    this.run = new FrameRun(frames);
    return this.#layOut({ ...start, token: epoch }, wallMs, entryLimits(log));
  }

  /** Lays the events out as entries, which come after `place`. Returns the place of the last one. */
  #layOut(place: Place, atMs: number, most: { readonly events: number; readonly bytes: number }): Place {
    const { run, events: all } = this;
    const entries: Entry[] = [];
    let [first, bytes] = [0, 0];
    for (let next = 0; next <= all.length; next++) {
      const events = next - first;
      const frameBytes = next < all.length ? run.sizeOf(next) : Infinity;
      if (events > 0 && (events >= most.events || bytes + frameBytes > most.bytes)) {
        place = { token: place.token, seq: place.seq + events, bytes: place.bytes + bytes };
        entries.push({ place, events, bytes, atMs, text: linesOf(all, first, next), schema: SCHEMA });
        [first, bytes] = [next, 0];
      }
      bytes += frameBytes;
    }
    this.entries = entries;
    return place;
  }
}

/** The text of an entry with the events from `first` up to, but without, `end`. */
function linesOf(events: readonly PendingEvent[], first: number, end: number): string {
  if (end === first + 1) return eventLines(events[first]?.event, events[first]?.json ?? '');
  const lines: string[] = [];
  for (let i = first; i < end; i++) {
    const { event = '', json } = events[i] as PendingEvent;
    lines.push(event, json);
  }
  return joinLines(lines);
}

const entryLimits = ({ maxEvents, maxBytes }: LogLimits): { events: number; bytes: number } => ({
  events: Math.max(1, Math.min(EVENTS_PER_ENTRY, Math.floor(maxEvents / ENTRIES_PER_LOG))),
  bytes: Math.min(BYTES_PER_ENTRY, maxBytes / ENTRIES_PER_LOG),
});
