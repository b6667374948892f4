import type { HubClient } from './hub-client.js';

export type HubEvent = 'connect' | 'disconnect';

/** Who wants to know of clients that come and go. One that throws harms neither the hub nor the others. */
export class Listeners {
  readonly #listeners: Readonly<Record<HubEvent, Set<(client: HubClient) => void>>> = {
    connect: new Set(),
    disconnect: new Set(),
  };

  on(event: HubEvent, listener: (client: HubClient) => void): void {
    this.#listeners[event].add(listener);
  }

  emit(event: HubEvent, client: HubClient): void {
    for (const listener of this.#listeners[event]) {
      try {
        listener(client);
      } catch (error) {
        const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
        process.emitWarning(text, { type: 'HubListenerWarning', detail: `in a listener to ${event}` });
      }
    }
  }
}
