import { TaskError } from '../../core/errors.js';
import { isolate } from '../isolate.js';

const IN_LISTENER = 'in a listener of offline clients';

type Gone = (reason: TaskError) => void;

/** Who wants to know that a client has gone offline. Knows nothing of how that is found out. */
export class OfflineWatchers {
  readonly #all = new Set<(id: string) => void>();
  readonly #watchers = new Map<string, Set<Gone>>();
  readonly #signals = new Map<string, AbortSignal>();

  /** Calls `listener` for every client that goes. Returns its end. */
  onOffline(listener: (id: string) => void): () => void {
    const own = (id: string): void => {
      listener(id);
    };
    this.#all.add(own);
    return () => void this.#all.delete(own);
  }

  /** Calls `gone` once when `id` goes. Returns its end. */
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

  /** One signal for all who ask while the client is online; kept until it goes. */
  signal(id: string): AbortSignal {
    const known = this.#signals.get(id);
    if (known !== undefined) return known;
    const controller = new AbortController();
    this.#signals.set(id, controller.signal);
    this.watch(id, (reason) => {
      this.#signals.delete(id);
      controller.abort(reason);
    });
    return controller.signal;
  }

  /** Every client that somebody watches. */
  watched(): string[] {
    return [...this.#watchers.keys()];
  }

  /** Tells everybody; whoever throws disturbs nobody else. */
  tell(id: string): void {
    const watchers = this.#watchers.get(id);
    if (watchers !== undefined) {
      this.#watchers.delete(id);
      const reason = clientOffline(id); // costs a stack: of a million who go at once few are watched
      for (const gone of watchers) isolate(() => gone(reason), IN_LISTENER);
    }
    for (const listener of [...this.#all]) isolate(() => listener(id), IN_LISTENER);
  }
}

export const clientOffline = (id: string): TaskError => new TaskError('CLIENT_OFFLINE', `The client ${id} is offline`);
