/** Notifies those who wait for a client to go offline. */
import { TaskError } from '../../core/errors.js';
import { notifyCallback } from '../../core/callbacks.js';
import { guardSignal } from '../../core/run/guarded-signal.js';

const LISTENER = 'a listener of offline clients';

type Gone = (reason: TaskError) => void;

/** Keeps those who want to know that a client has gone offline. It does not know how that is found out. */
export class OfflineWatchers {
  readonly #all = new Set<(id: string) => unknown>();
  readonly #watchers = new Map<string, Set<Gone>>();
  readonly #signals = new Map<string, AbortSignal>();

  /** Calls `listener` for every client that goes offline. Returns a function that removes it. */
  onOffline(listener: (id: string) => unknown): () => void {
    const own = (id: string): unknown => listener(id); // it may return a promise that rejects
    this.#all.add(own);
    return () => void this.#all.delete(own);
  }

  /** Calls `gone` once, when `id` goes offline. Returns a function that removes it. */
  watch(id: string, gone: Gone): () => void {
    let watchers = this.#watchers.get(id);
    if (watchers === undefined) this.#watchers.set(id, (watchers = new Set()));
    const own: Gone = (reason) => {
      gone(reason);
    };
    watchers.add(own);
    return () => {
      if (watchers.delete(own) && watchers.size === 0 && this.#watchers.get(id) === watchers) this.#watchers.delete(id);
    };
  }

  /** Returns the one signal of an online client. It is kept until the client goes offline. */
  signal(id: string): AbortSignal {
    const known = this.#signals.get(id);
    if (known !== undefined) return known;
    const controller = new AbortController();
    guardSignal(controller.signal);
    this.#signals.set(id, controller.signal);
    this.watch(id, (reason) => {
      this.#signals.delete(id);
      controller.abort(reason);
    });
    return controller.signal;
  }

  /** Returns every client that somebody watches. */
  watched(): string[] {
    return [...this.#watchers.keys()];
  }

  /** Tells all watchers and listeners. One that throws does not disturb the others. */
  tell(id: string): void {
    const watchers = this.#watchers.get(id);
    if (watchers !== undefined) {
      this.#watchers.delete(id);
      const reason = clientOffline(id); // it is made only for watched clients: of a million that go offline at once few are watched, and a stack trace is dear
      for (const gone of watchers) notifyCallback(LISTENER, gone, reason);
    }
    for (const listener of [...this.#all]) notifyCallback(LISTENER, listener, id);
  }
}

export const clientOffline = (id: string): TaskError => new TaskError('CLIENT_OFFLINE', `The client ${id} is offline`);
