/** Tells what others write: it asks SQLite whether anything has changed, and reads the new rows. */
import type { DriverSettings } from '../distributed/port/driver.js';
import { NOTE_MS, type News, type Signals, type StoredNote } from '../tables/signals.js';
import type { Connection } from './connection.js';
import type { Transactions } from './transactions.js';

/** A backlog of more entries than this is not read; followers are told that they may have missed something. */
const MAX_NEW_ENTRIES = 10_000;

/** Both change with commits: the first with those of other connections, the second with those of this one. */
const VERSION = 'SELECT data_version AS others, total_changes() AS own FROM pragma_data_version';
const ENDS = `SELECT coalesce((SELECT max(id) FROM {entries}), 0) AS entries,
  coalesce((SELECT max(id) FROM {notes}), 0) AS notes`;
const NOTIFY = 'INSERT INTO {notes} (recipient, at, note) VALUES (?, ?, ?)';
const NEW_NOTES =
  'SELECT note FROM {notes} WHERE id > ? AND id <= ? AND (recipient IS NULL OR recipient = ?) ORDER BY id';
const TOO_MANY = `SELECT 1 FROM {entries} WHERE id > ? AND id <= ? LIMIT 1 OFFSET ${MAX_NEW_ENTRIES}`;
/** Reads the new entries once, and of the tasks only the index by id: neither what else the log has, nor any record. */
const GROWN = `SELECT t.taskId FROM json_each(?) followed CROSS JOIN {tasks} t ON t.taskId = followed.value
  WHERE +t.id IN (SELECT task FROM {entries} WHERE id > ? AND id <= ?)`;

interface Ends {
  readonly entries: number;
  readonly notes: number;
}

export class SqliteSignals implements Signals {
  readonly #followed = new Set<string>();
  /** Everything up to here has been heard. */
  #heard: Ends | undefined;
  #version = '';

  constructor(
    readonly connection: Connection,
    readonly transactions: Transactions,
    readonly settings: DriverSettings,
  ) {}

  notify(to: string | undefined, note: StoredNote): Promise<void> {
    const now = this.settings.clock.wallNow();
    return this.transactions.write(() => {
      this.connection.run('DELETE FROM {notes} WHERE at <= ?', Math.trunc(now - NOTE_MS));
      this.connection.run(NOTIFY, to, Math.trunc(now), JSON.stringify(note));
    });
  }

  async begin(): Promise<void> {
    this.#heard ??= await this.transactions.read(() => this.#ends());
  }

  follow(taskId: string): Promise<void> {
    this.#followed.add(taskId);
    return this.begin();
  }

  unfollow(taskId: string): void {
    this.#followed.delete(taskId);
  }

  renew(): void {
    this.#version = '';
  }

  hear(): Promise<News | 'missed' | undefined> {
    return this.transactions.read(() => {
      const { others, own } = this.connection.get(VERSION) as { others: number; own: number };
      const version = `${others} ${own}`;
      if (version === this.#version) return undefined;
      const ends = this.#ends();
      const news = this.#heard === undefined ? 'missed' : this.#between(this.#heard, ends);
      this.#heard = ends;
      this.#version = version;
      return news;
    });
  }

  #between(heard: Ends, ends: Ends): News | 'missed' {
    const notes = this.connection.all(NEW_NOTES, heard.notes, ends.notes, this.settings.instance) as { note: string }[];
    const grown = this.#grown(heard.entries, ends.entries);
    if (grown === undefined) return 'missed';
    return {
      grown: grown.map(({ taskId }) => taskId),
      notes: notes.map(({ note }) => JSON.parse(note) as StoredNote),
    };
  }

  /** The followed tasks that have entries above `from`, up to `to`; undefined where there are too many entries to look at. */
  #grown(from: number, to: number): { readonly taskId: string }[] | undefined {
    if (this.#followed.size === 0) return [];
    if (this.connection.get(TOO_MANY, from, to) !== undefined) return undefined;
    return this.connection.all(GROWN, JSON.stringify([...this.#followed]), from, to) as { taskId: string }[];
  }

  #ends(): Ends {
    return this.connection.get(ENDS) as Ends;
  }
}
