import type { FinalStatus } from '../core/status.js';

/** Keys and arguments of one script call, the same every time it is sent. */
export type Call = readonly [keys: string[], args: string[]];

/** Events that one script call appends: all or none, once. */
export class Batch {
  readonly words: string[] = [];
  readonly events: { readonly event: string | undefined; readonly json: string }[] = [];
  bytes = 0;
  final: FinalStatus | undefined;
  /** The state after it, where it is stored with it. */
  snapshot: string | undefined;
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
    this.words.push(event ?? '', json);
    this.events.push({ event, json });
    this.bytes += json.length;
  }
}

/** The state at `seq`. */
export interface StoredSnapshot {
  readonly seq: number;
  readonly json: string;
}
