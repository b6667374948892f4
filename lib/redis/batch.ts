import type { LogLimits } from '../core/event-log.js';
import type { EncodedTask, StoreSettings } from '../core/ports.js';
import type { FinalStatus } from '../core/status.js';
import { entryId, entryText, eventLines, type Place } from './entry.js';

/** An entry of the stream holds so many events at most, and never more than a sixteenth of what the log may keep. */
const EVENTS_PER_ENTRY = 64;
const BYTES_PER_ENTRY = 16_384;
export const ENTRIES_PER_LOG = 16;

const ignore = (): void => undefined;

interface Event {
  readonly event: string | undefined;
  readonly json: string;
}

/** Events that one script call appends: all or none, once. */
export class Batch {
  readonly events: Event[] = [];
  /** Characters of JSON. */
  length = 0;
  final: FinalStatus | undefined;
  /** The state after it, where it is stored with it. */
  snapshot: string | undefined;
  /** What goes over the wire for each event, once their seqs are known. */
  readonly frames: string[] = [];
  /** The entries of the stream: id and text by turns. */
  readonly entries: string[] = [];
  end: Place = { seq: 0, bytes: 0 };
  /** The last progress among its events. */
  progress: string | undefined;
  endsWithProgress = false;
  resolve: () => void = ignore;
  #reject: (error: unknown) => void = ignore;
  /** All its events have one fate. */
  readonly done = new Promise<void>((resolve, reject) => {
    this.resolve = resolve;
    this.#reject = reject;
  });

  /** @param startedMs when its first event was appended, by the monotonic clock */
  constructor(readonly startedMs: number) {}

  add(event: string | undefined, json: string): void {
    this.events.push({ event, json });
    this.length += json.length;
    this.endsWithProgress = event === undefined;
    if (this.endsWithProgress) this.progress = json;
  }

  /** Nobody has to listen: progress need not be awaited. */
  reject(error: unknown): void {
    this.done.catch(ignore);
    this.#reject(error);
  }

  get lastId(): string {
    return this.entries.at(-2) ?? '';
  }

  /** Encodes the events, which come after `start`, and lays them out as entries of the stream. */
  seal(
    start: Place,
    record: EncodedTask & { readonly token: string },
    { encode, log, clock }: Pick<StoreSettings, 'encode' | 'log' | 'clock'>,
  ): void {
    const now = clock.wallNow();
    const { token, taskId, resumeKey, attempt, epoch, wire, slot } = record;
    const task = { taskId, resumeKey, attempt, epoch, wire, slot, progress: record.progress };
    const { most, mostBytes } = entryLimits(log);
    let [{ seq, bytes }, lines, count, size] = [start, '', 0, 0];
    const close = (): void => {
      bytes += size;
      this.entries.push(entryId(token, seq, bytes), entryText(count, size, now, lines));
      [lines, count, size] = ['', 0, 0];
    };
    for (const { event, json } of this.events) {
      const frame = encode(task, seq + 1, event, json);
      if (event === undefined) task.progress = json;
      const frameBytes = Buffer.byteLength(frame);
      if (count > 0 && (count >= most || size + frameBytes > mostBytes)) close();
      this.frames.push(frame);
      lines += eventLines(event, json);
      seq++;
      count++;
      size += frameBytes;
    }
    close();
    this.end = { seq, bytes };
  }
}

const entryLimits = ({ maxEvents, maxBytes }: LogLimits): { most: number; mostBytes: number } => ({
  most: Math.max(1, Math.min(EVENTS_PER_ENTRY, Math.floor(maxEvents / ENTRIES_PER_LOG))),
  mostBytes: Math.min(BYTES_PER_ENTRY, maxBytes / ENTRIES_PER_LOG),
});
