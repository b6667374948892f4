import type { FinalStatus } from '../core/status.js';
import type { LogLimits } from '../core/event-log.js';
import type { StoreSettings } from '../core/ports.js';

/** An entry of the stream holds so many events at most, and never more than a sixteenth of what the log may keep. */
const EVENTS_PER_ENTRY = 64;
const BYTES_PER_ENTRY = 16_384;
export const ENTRIES_PER_LOG = 16;

interface Event {
  readonly event: string | undefined;
  readonly json: string;
}

/** Events that one script call appends: all or none, once. */
export class Batch {
  readonly events: Event[] = [];
  bytes = 0;
  final: FinalStatus | undefined;
  /** The state after it, where it is stored with it. */
  snapshot: string | undefined;
  /** What goes over the wire for each event, once their seqs are known. */
  readonly frames: string[] = [];
  /** The entries of the stream: id, number of words, then event names and JSON by turns. */
  readonly words: string[] = [];
  entries = 0;
  frameBytes = 0;
  /** Where in `words` the last progress is, -1 where there is none. */
  progressAt = -1;
  resolve: () => void = () => undefined;
  reject: (error: unknown) => void = () => undefined;
  /** All its events have one fate. */
  readonly done = new Promise<void>((resolve, reject) => {
    this.resolve = resolve;
    this.reject = reject;
  });

  constructor(
    readonly id: string,
    readonly dueMs: number,
  ) {
    this.done.catch(() => undefined);
  }

  add(event: string | undefined, json: string): void {
    this.events.push({ event, json });
    this.bytes += json.length;
  }

  /** Encodes the events, which follow `lastSeq`, and lays them out as entries of the stream. */
  seal(lastSeq: number, resumeKey: string, encode: StoreSettings['encode'], { maxEvents, maxBytes }: LogLimits): void {
    const most = Math.max(1, Math.min(EVENTS_PER_ENTRY, Math.floor(maxEvents / ENTRIES_PER_LOG)));
    const mostBytes = Math.min(BYTES_PER_ENTRY, maxBytes / ENTRIES_PER_LOG);
    let bytes = 0;
    let start = 0;
    this.events.forEach(({ event, json }, index) => {
      const frame = encode(resumeKey, lastSeq + index + 1, event, json);
      const size = Buffer.byteLength(frame);
      if (index > start && (index - start >= most || bytes + size > mostBytes)) {
        this.#addEntry(start, index, lastSeq, bytes);
        [start, bytes] = [index, 0];
      }
      this.frames.push(frame);
      bytes += size;
    });
    this.#addEntry(start, this.events.length, lastSeq, bytes);
  }

  /** The id says the seq of the last event and the bytes of all: so a log can be trimmed without reading it. */
  #addEntry(start: number, end: number, lastSeq: number, bytes: number): void {
    this.words.push(`${lastSeq + end}-${bytes}`, String(2 * (end - start)));
    for (let i = start; i < end; i++) {
      const { event, json } = this.events[i] as Event;
      this.words.push(event ?? '', json);
      if (event === undefined) this.progressAt = this.words.length - 1;
    }
    this.entries++;
    this.frameBytes += bytes;
  }
}

/** The state at `seq`. */
export interface StoredSnapshot {
  readonly seq: number;
  readonly json: string;
}
