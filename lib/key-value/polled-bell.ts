import { randomUUID } from 'node:crypto';
import type { Bell, Ears, Note } from '../distributed/port/bell.js';
import { taskKey, type TaskDocument } from './task-document.js';
import type { TaskShelf } from './task-shelf.js';

/** Tells an instance what others write: it looks at the tasks that it follows, and for notes that were left for it. */

/** A note that is written while others are read may sort before them: so far back is read again. */
const OVERLAP_MS = 5_000;
/** Notes are hints: whoever has not heard one by then has looked for itself. */
const NOTE_MS = 60_000;
const NOTES = 'note/';

const prefixOf = (to: string | undefined): string => `${NOTES}${to ?? '*'}/`;
const since = (prefix: string, ms: number): string => `${prefix}${String(Math.max(0, ms)).padStart(15, '0')}`;

export async function leaveNote({ documents, now }: TaskShelf, to: string | undefined, note: Note): Promise<void> {
  await documents.write(`${since(prefixOf(to), now)}/${randomUUID()}`, note);
}

/** Deletes the notes that nobody will read any more. */
export async function deleteNotes({ documents, now }: TaskShelf): Promise<void> {
  for await (const [key] of documents.scan(NOTES)) {
    const at = Number(key.split('/')[2]);
    if (at <= now - NOTE_MS) await documents.delete(key);
  }
}

export class PolledBell implements Bell {
  /** Followed tasks, with what was seen of each. */
  readonly #followed = new Map<string, string>();
  readonly #heard = new Set<string>();
  readonly #startedAtMs: number;
  readonly #cancel: () => void;
  #isPolling = false;
  #isClosed = false;

  constructor(
    readonly shelf: TaskShelf,
    readonly ears: Ears,
    pollMs: number,
  ) {
    this.#startedAtMs = shelf.now;
    this.#cancel = shelf.settings.clock.every(pollMs, () => void this.#poll());
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

  close(): void {
    this.#isClosed = true;
    this.#cancel();
  }

  async #poll(): Promise<void> {
    if (this.#isPolling) return;
    this.#isPolling = true;
    try {
      await this.#readNotes(prefixOf(undefined));
      await this.#readNotes(prefixOf(this.shelf.settings.instance));
      await Promise.all([...this.#followed].map(([taskId, seen]) => this.#lookAgain(taskId, seen)));
    } catch {
      // The store does not answer. What is new is found by the next poll.
    } finally {
      this.#isPolling = false;
    }
  }

  async #readNotes(prefix: string): Promise<void> {
    const { documents, now } = this.shelf;
    const from = since(prefix, Math.max(this.#startedAtMs, now - OVERLAP_MS));
    for (const key of this.#heard) if (key.startsWith(prefix) && key < from) this.#heard.delete(key);
    for await (const [key, note] of documents.scan<Note>(prefix, from)) {
      if (this.#heard.has(key) || this.#isClosed) continue;
      this.#heard.add(key);
      this.ears.noted(note);
    }
  }

  async #lookAgain(taskId: string, before: string): Promise<void> {
    const seen = await this.#look(taskId);
    if (seen === before || this.#isClosed || this.#followed.get(taskId) !== before) return;
    this.#followed.set(taskId, seen);
    this.ears.appended(taskId, undefined);
  }

  async #look(taskId: string): Promise<string> {
    const task = await this.shelf.documents.read<TaskDocument>(taskKey(taskId));
    return JSON.stringify(task?.top ?? null);
  }
}
