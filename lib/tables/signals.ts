/** Lets instances hear of each other where only documents and tasks can be read. */
import { randomUUID } from 'node:crypto';
import type { Note } from '../distributed/port/notifications.js';
import type { Documents } from './documents.js';
import type { KeptTasks } from './kept-tasks.js';

/** A note as it is stored. `gone`: the retention of a task is over. */
export type StoredNote = Note | { readonly kind: 'gone'; readonly taskId: string };

/** Everything that has happened since the last look. */
export interface News {
  /** Followed tasks whose log has grown. */
  readonly grown: readonly string[];
  /** Notes for this instance, or for all. */
  readonly notes: readonly StoredNote[];
}

/** Leaves notes for other instances, and tells what they write. A call that rejects has heard nothing. */
export interface Signals {
  /** Leaves a note for an instance, or for all of them. */
  notify(to: string | undefined, note: StoredNote): Promise<void>;
  /** Begins to listen. Whatever happens once it has resolved is heard. */
  begin(): Promise<void>;
  /** Resolves once nothing that is appended to the task can go unheard. */
  follow(taskId: string): Promise<void>;
  unfollow(taskId: string): void;
  /** Asks again for what may have gone unheard. */
  renew(): void;
  /** Undefined: nothing has happened. `missed`: anything may have happened. */
  hear(): Promise<News | 'missed' | undefined>;
}

/** A note that is written while others are read may sort before them: so far back is read again. */
const OVERLAP_MS = 5_000;
/** Notes are hints: whoever has not heard one by then has looked for itself. */
export const NOTE_MS = 60_000;
const NOTES = 'note/';

const prefixOf = (to: string | undefined): string => `${NOTES}${to ?? '*'}/`;
const since = (prefix: string, ms: number): string => `${prefix}${String(Math.max(0, ms)).padStart(15, '0')}`;

/** Notes are documents, and each followed task is looked at. */
export class DocumentSignals implements Signals {
  /** Followed tasks, with what was seen of each. */
  readonly #followed = new Map<string, string>();
  readonly #heard = new Set<string>();
  readonly #startedAtMs: number;
  #deletedAtMs = 0;

  constructor(
    readonly tasks: KeptTasks,
    readonly documents: Documents,
  ) {
    this.#startedAtMs = tasks.now;
  }

  async notify(to: string | undefined, note: StoredNote): Promise<void> {
    await this.documents.write(`${since(prefixOf(to), this.tasks.now)}/${randomUUID()}`, note);
    await this.#deleteOld();
  }

  begin(): Promise<void> {
    return Promise.resolve();
  }

  async follow(taskId: string): Promise<void> {
    const seen = await this.#look(taskId);
    if (!this.#followed.has(taskId)) this.#followed.set(taskId, seen);
  }

  unfollow(taskId: string): void {
    this.#followed.delete(taskId);
  }

  renew(): void {
    for (const taskId of this.#followed.keys()) this.#followed.set(taskId, '');
  }

  async hear(): Promise<News> {
    const notes = [
      ...(await this.#readNotes(prefixOf(undefined))),
      ...(await this.#readNotes(prefixOf(this.tasks.settings.instance))),
    ];
    const looks = [...this.#followed].map(async ([taskId, before]) => {
      const seen = await this.#look(taskId);
      if (seen === before || this.#followed.get(taskId) !== before) return [];
      this.#followed.set(taskId, seen);
      return taskId;
    });
    return { grown: (await Promise.all(looks)).flat(), notes };
  }

  async #readNotes(prefix: string): Promise<StoredNote[]> {
    const from = since(prefix, Math.max(this.#startedAtMs, this.tasks.now - OVERLAP_MS));
    for (const key of this.#heard) if (key.startsWith(prefix) && key < from) this.#heard.delete(key);
    const notes: StoredNote[] = [];
    for await (const [key, note] of this.documents.scan<StoredNote>(prefix, from)) {
      if (this.#heard.has(key)) continue;
      this.#heard.add(key);
      notes.push(note);
    }
    return notes;
  }

  async #deleteOld(): Promise<void> {
    const oldest = this.tasks.now - NOTE_MS;
    if (this.#deletedAtMs > oldest) return;
    this.#deletedAtMs = this.tasks.now;
    for await (const [key] of this.documents.scan(NOTES))
      if (Number(key.split('/')[2]) <= oldest) await this.documents.delete(key);
  }

  async #look(taskId: string): Promise<string> {
    return JSON.stringify((await this.tasks.find(taskId))?.top ?? null);
  }
}
