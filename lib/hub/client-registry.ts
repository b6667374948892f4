/** The clients that a hub remembers. */
import type { Clock } from '../core/clock.js';
import { TaskError } from '../core/errors.js';
import { FairEviction } from '../core/store/fair-eviction.js';
import { Sweeper } from '../core/engine/sweeper.js';
import type { Client } from './hub-client.js';

const SWEEP_MS = 30_000;

interface Limits {
  readonly clock: Clock;
  readonly absenceMs: number;
  readonly maxAbsentClients: number;
}

/** Remembers every client of a hub: those connected, and those away for a while. */
export class ClientRegistry {
  /** The number of clients that are connected now. */
  active = 0;
  /** The number of connections since the hub was made. */
  total = 0;
  readonly #byId = new Map<string, Client>();
  /** The clients that are away, longest first. */
  readonly #away = new Set<Client>();
  /** The clients that are away by user, so that no user loses clients because another one leaves again and again. */
  readonly #evictable = new FairEviction<string | undefined, Client>({ sparesLast: true });
  readonly #sweeper: Sweeper;

  /** @param forget gives back what a client holds */
  constructor(
    readonly limits: Limits,
    readonly forget: (client: Client) => void,
  ) {
    const intervalMs = Math.max(1, Math.min(SWEEP_MS, limits.absenceMs));
    this.#sweeper = new Sweeper(limits.clock, intervalMs, () => this.#sweep());
  }

  get size(): number {
    return this.#byId.size;
  }

  find(id: string): Client | undefined {
    return this.#byId.get(id);
  }

  /** @throws TaskError `CLIENT_NOT_FOUND` */
  get(id: string): Client {
    const client = this.#byId.get(id);
    if (client === undefined) throw new TaskError('CLIENT_NOT_FOUND', 'There is no such client');
    return client;
  }

  values(): Iterable<Client> {
    return this.#byId.values();
  }

  arrived(client: Client): void {
    this.#byId.set(client.id, client);
    this.#noLongerAway(client);
    this.active++;
    this.total++;
  }

  /** Notes that a client's connection is over, and that it may return. */
  away(client: Client): void {
    client.leftAtMs = this.limits.clock.now();
    this.#away.add(client);
    this.#evictable.put(client.userId, client, 1);
    const limit = this.limits.absenceMs > 0 ? this.limits.maxAbsentClients : 0;
    for (
      let next = this.#evictable.first();
      next !== undefined && this.#away.size > limit;
      next = this.#evictable.first()
    ) {
      this.remove(next);
    }
    if (this.#away.size > 0) this.#sweeper.start();
  }

  /** Forgets a client that is not connected and will not return. */
  remove(client: Client): void {
    this.#noLongerAway(client);
    if (this.#byId.delete(client.id)) this.forget(client);
  }

  stop(): void {
    this.#sweeper.stop();
    for (const client of this.#byId.values()) this.remove(client);
  }

  #noLongerAway(client: Client): void {
    this.#away.delete(client);
    this.#evictable.delete(client);
  }

  #sweep(): boolean {
    const due = this.limits.clock.now() - this.limits.absenceMs;
    for (const client of this.#away) {
      if (client.leftAtMs > due) break;
      this.remove(client);
    }
    return this.#away.size > 0;
  }
}
