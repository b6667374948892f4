/** The log that gives the messages of a hub their order. */
import { randomKey } from '../core/task/random-key.js';

/** The recipients of a message. `name` is that of the room, user or client; it is empty for all. */
export interface HubAddress {
  /** The kind of audience. */
  readonly kind: 'all' | 'room' | 'user' | 'client';
  /** The name of the room, user or client; empty for all. */
  readonly name: string;
}

/** A message as it is committed: checked, with its data as JSON. */
export interface HubEntry {
  /** The recipients. */
  readonly to: HubAddress;
  /** The name of the event; undefined for none. */
  readonly event: string | undefined;
  /** The data as one line of JSON. */
  readonly json: string;
  /** The message's own id; undefined where it has none. */
  readonly id: string | undefined;
}

/**
 * Gives the messages of a hub their order. Nothing is delivered before it is committed, so a log that several instances
 * share makes them one hub. The way from here to a client is not its concern.
 */
export interface HubLog {
  /**
   * Names this log. The ids that clients return with begin with it. A log that has lost its messages gets another
   * epoch, so that nobody continues in the wrong one. 22 base64url characters.
   */
  readonly epoch: string;
  /**
   * Opens the log. Called once, before anything else. `commit` gets every entry with its seq: 1, 2, 3… in order,
   * without a hole.
   */
  open(commit: (seq: number, entry: HubEntry) => void): void;
  /** Commits `entry`, now or later, in the order of the calls. */
  append(entry: HubEntry): void;
  /** Closes the log: nothing is committed any more. */
  close(): void;
}

/** Orders the messages of one process. An entry is committed as soon as it is appended. */
export class MemoryHubLog implements HubLog {
  readonly epoch = randomKey();
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
