/** A process that clients are connected to, as this process knows it. */
export interface Gateway {
  readonly id: string;
  /** The number of the last change that is known here. It is undefined until all clients of the gateway are known. */
  version: number | undefined;
  /** The number of clients known to be connected to it. */
  clients: number;
}

/**
 * Maps client ids to the gateways they are connected to. A client of one gateway costs one map entry and nothing else,
 * so that a million of them fit into memory.
 */
export class ClientDirectory {
  readonly #gateways = new Map<string, Gateway | readonly Gateway[]>();

  get size(): number {
    return this.#gateways.size;
  }

  has(id: string): boolean {
    return this.#gateways.has(id);
  }

  holds(id: string, gateway: Gateway): boolean {
    const found = this.#gateways.get(id);
    return found === gateway || (Array.isArray(found) && found.includes(gateway));
  }

  /** Adds a connection. Returns false where the client was already connected to that gateway. */
  add(id: string, gateway: Gateway): boolean {
    if (this.holds(id, gateway)) return false;
    const found = this.#gateways.get(id);
    this.#gateways.set(id, found === undefined ? gateway : [found, gateway].flat());
    gateway.clients++;
    return true;
  }

  /** Removes a connection. Returns true where the client is now connected to no gateway at all. */
  delete(id: string, gateway: Gateway): boolean {
    if (!this.holds(id, gateway)) return false;
    gateway.clients--;
    const found = this.#gateways.get(id);
    const others = Array.isArray(found) ? (found as readonly Gateway[]).filter((other) => other !== gateway) : [];
    const [only] = others;
    if (only === undefined) return this.#gateways.delete(id);
    this.#gateways.set(id, others.length === 1 ? only : others);
    return false;
  }

  /** Visits every client of all gateways, so it is only for the rare times when a whole gateway comes or goes. */
  *clientsOf(gateway: Gateway): Generator<string> {
    for (const id of this.#gateways.keys()) if (this.holds(id, gateway)) yield id;
  }
}
