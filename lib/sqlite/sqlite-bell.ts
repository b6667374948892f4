import type { Bell, Ears, Note } from '../distributed/port/bell.js';
import type { DriverSettings } from '../distributed/port/driver.js';
import type { Connection } from './connection.js';
import type { Transactions } from './transactions.js';

/** Tells an instance what others write: it asks SQLite whether anything has changed, and reads the new rows. */

/** The pause between two questions while a task is followed or held here, in ms. Each takes a few µs. */
const POLL_MS = 10;
/** And while it does not, as long as other instances may have something to say. */
const IDLE_POLL_MS = 100;
/** A backlog of more entries or notes than this is not read; followers are told that they may have missed something. */
const MAX_SCANNED = 10_000;

/** Both change with commits: the first with those of other connections, the second with those of this one. */
const VERSION = 'SELECT data_version AS others, total_changes() AS own FROM pragma_data_version';
const ENDS = `SELECT coalesce((SELECT max(id) FROM {entries}), 0) AS entries,
  coalesce((SELECT max(id) FROM {notes}), 0) AS notes`;
const NEW_NOTES = `SELECT note FROM {notes} WHERE id > ? AND id <= ? AND (recipient IS NULL OR recipient = ?)
  ORDER BY id`;
const GROWN = `SELECT DISTINCT t.taskId FROM {entries} e JOIN {tasks} t ON t.id = e.task
  WHERE e.id > ? AND e.id <= ? AND t.taskId IN (SELECT value FROM json_each(?))`;
const HOLDS = 'SELECT 1 FROM {tasks} WHERE keeper = ? LIMIT 1';

/** A note as it is stored. `gone`: the retention of a task is over. */
export type StoredNote = Note | { readonly kind: 'gone'; readonly taskId: string };

interface Ends {
  readonly entries: number;
  readonly notes: number;
}

interface News {
  readonly grown: readonly { readonly taskId: string }[];
  readonly notes: readonly { readonly note: string }[];
}

export class SqliteBell implements Bell {
  readonly #followed = new Set<string>();
  #followedJson = '[]';
  /** Everything up to here has been heard. */
  #heard: Ends | undefined;
  #version = '';
  /** No other instance is alive, as far as is known. */
  isAlone = false;
  #cancelPoll: (() => void) | undefined;
  /** The time at which the next poll is due; Infinity where none is. */
  #due = Infinity;
  #closed = false;

  constructor(
    readonly transactions: Transactions,
    readonly settings: DriverSettings,
    readonly ears: Ears,
  ) {}

  async follow(taskId: string): Promise<void> {
    this.#followed.add(taskId);
    this.#followedJson = JSON.stringify([...this.#followed]);
    this.wake();
    await this.listen();
  }

  /** Begins to listen: everything that is written from now on is heard. */
  async listen(): Promise<void> {
    this.#heard ??= await this.transactions.read((connection) => endsOf(connection));
  }

  unfollow(taskId: string): void {
    this.#followed.delete(taskId);
    this.#followedJson = JSON.stringify([...this.#followed]);
  }

  renew(): void {
    this.#version = '';
    this.wake();
  }

  close(): void {
    this.#closed = true;
    this.#cancelPoll?.();
  }

  /** Polls after this long, unless it does so sooner, and then for as long as there may be something to hear. */
  wake(afterMs = POLL_MS): void {
    const { clock } = this.settings;
    const due = clock.now() + afterMs;
    if (this.#closed || this.#due <= due) return;
    this.#cancelPoll?.();
    this.#due = due;
    this.#cancelPoll = clock.after(afterMs, () => {
      this.#due = Infinity;
      void this.#poll();
    });
  }

  async #poll(): Promise<void> {
    let isBusy = true;
    try {
      const { news, holds } = await this.transactions.read((connection) => {
        const news = this.#hear(connection);
        return { news, holds: connection.get(HOLDS, this.settings.instance) !== undefined };
      });
      isBusy = holds || this.#followed.size > 0;
      if (!this.#closed && news !== undefined) this.#tell(news);
    } catch {
      // The store does not answer. Nothing counts as heard, so the next poll hears all of it.
    }
    if (isBusy) this.wake();
    else if (!this.isAlone) this.wake(IDLE_POLL_MS);
  }

  /** Returns the new rows, or undefined where nothing has changed. */
  #hear(connection: Connection): News | 'too much' | undefined {
    const { others, own } = connection.get(VERSION) as { others: number; own: number };
    const version = `${others} ${own}`;
    if (version === this.#version) return undefined;
    const ends = endsOf(connection);
    const news = this.#heard === undefined ? 'too much' : this.#between(connection, this.#heard, ends);
    this.#heard = ends;
    this.#version = version;
    return news;
  }

  #between(connection: Connection, heard: Ends, ends: Ends): News | 'too much' {
    if (Math.max(ends.entries - heard.entries, ends.notes - heard.notes) > MAX_SCANNED) return 'too much';
    return {
      grown: connection.all(GROWN, heard.entries, ends.entries, this.#followedJson) as News['grown'],
      notes: connection.all(NEW_NOTES, heard.notes, ends.notes, this.settings.instance) as News['notes'],
    };
  }

  #tell(news: News | 'too much'): void {
    if (news === 'too much') {
      this.ears.missed();
      return;
    }
    for (const { taskId } of news.grown) this.ears.appended(taskId, undefined);
    for (const { note } of news.notes) {
      const stored = JSON.parse(note) as StoredNote;
      if (stored.kind !== 'gone') this.ears.noted(stored);
      else if (this.#followed.has(stored.taskId)) this.ears.appended(stored.taskId, undefined);
    }
  }
}

const endsOf = (connection: Connection): Ends => connection.get(ENDS) as Ends;
