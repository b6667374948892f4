/** Tells listeners about clients that connect and disconnect. */
import { notifyCallback } from '../core/callbacks.js';
import { assertOption } from '../core/check-options.js';
import type { HubClient } from './hub-client.js';

/** The events of a hub. */
export type HubEvent = 'connect' | 'disconnect';

/**
 * Calls the listeners of a hub when the change that they are told of is complete, one event after the other. A listener
 * may call the hub; the events of that call come next.
 */
export class Listeners {
  readonly #listeners: Readonly<Record<HubEvent, Set<(client: HubClient) => void>>> = {
    connect: new Set(),
    disconnect: new Set(),
  };
  readonly #queue: (readonly [HubEvent, HubClient])[] = [];
  #held = false;

  /** @throws TaskError `INVALID_OPTION` */
  on(event: HubEvent, listener: (client: HubClient) => void): void {
    assertOption(Object.hasOwn(this.#listeners, event), 'the event', "'connect' or 'disconnect'", event);
    assertOption(typeof listener === 'function', 'the listener', 'a function', listener);
    this.#listeners[event].add(listener);
  }

  emit(event: HubEvent, client: HubClient): void {
    this.#queue.push([event, client]);
    if (!this.#held) this.whenDone(() => undefined);
  }

  /** Runs `change`, then tells the events that happened in it. */
  whenDone<T>(change: () => T): T {
    if (this.#held) return change();
    this.#held = true;
    try {
      return change();
    } finally {
      this.#tell();
      this.#held = false;
    }
  }

  #tell(): void {
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      const [event, client] = next;
      // A copy, because a listener that adds another one in each call would otherwise never come to an end.
      for (const listener of [...this.#listeners[event]]) notifyCallback(`a listener of "${event}"`, listener, client);
    }
  }
}
