import { v4 } from 'uuid';

/** Whom a message is for. `name` is that of the room, user or client; empty for all. */
export interface HubAddress {
  readonly kind: 'all' | 'room' | 'user' | 'client';
  readonly name: string;
}

/** A message as it is committed: checked, its data as JSON. */
export interface HubEntry {
  readonly to: HubAddress;
  readonly event: string | undefined;
  readonly json: string;
  /** The message's own id. */
  readonly id: string | undefined;
}

/**
 * Where the messages of a hub get their order. Nothing is delivered before it is committed, so a log that several
 * instances share makes them one hub; how a message gets from here to a client is none of its business.
 */
export interface HubLog {
  /**
   * Names this log: the ids that clients come back with begin with it. A log that has lost what it had gets another, so
   * that nobody goes on in the wrong one. 22 base64url characters.
   */
  readonly epoch: string;
  /** Called once, before anything else: `commit` gets every entry with its seq: 1, 2, 3… in order, without a hole. */
  open(commit: (seq: number, entry: HubEntry) => void): void;
  /** Commits `entry`, now or later, in the order of the calls. */
  append(entry: HubEntry): void;
  /** Nothing is committed any more. */
  close(): void;
}

/** 22 base64url characters that nobody guesses. */
export const newKey = (): string => Buffer.from(v4({}, new Uint8Array(16))).toString('base64url');

/** The order of one process: an entry is committed as soon as it is appended. */
export class MemoryHubLog implements HubLog {
  readonly epoch = newKey();
  #lastSeq = 0;
  #commit: ((seq: number, entry: HubEntry) => void) | undefined;

  open(commit: (seq: number, entry: HubEntry) => void): void {
    this.#commit = commit;
  }

  append(entry: HubEntry): void {
    this.#commit?.(++this.#lastSeq, entry);
  }

  close(): void {
    this.#commit = undefined;
  }
}
