/** A process that clients are connected to, as one process knows it. */
export interface Gateway {
  readonly id: string;
  /** The change of its clients that is known here; undefined: not all of them are known. */
  version: number | undefined;
  /** How many clients are known to be connected to it. */
  clients: number;
}

/**
 * Which clients are connected, and to which gateways. One map entry and nothing else for a client of one gateway, so
 * that a million fit.
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

  /** False: it was connected to that gateway before. */
  add(id: string, gateway: Gateway): boolean {
    if (this.holds(id, gateway)) return false;
    const found = this.#gateways.get(id);
    this.#gateways.set(id, found === undefined ? gateway : [found, gateway].flat());
    gateway.clients++;
    return true;
  }

  /** True: it is connected to no gateway any more. */
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

  /** Costs a look at every client of all gateways: for the rare times when a gateway comes or goes as a whole. */
  *clientsOf(gateway: Gateway): Generator<string> {
    for (const id of this.#gateways.keys()) if (this.holds(id, gateway)) yield id;
  }
}
