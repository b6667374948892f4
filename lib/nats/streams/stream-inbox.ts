/** Receives the frames of one stream on an inbox of its own. */
import type { Msg, NatsConnection, Subscription } from '@nats-io/transport-node';
import type { Clock } from '../../core/clock.js';
import { unlessClosed } from '../connection.js';
import { encodeControl } from './messages/stream-protocol.js';

/**
 * Receives the frames of one stream, on a subscription of its own. When that is gone, the server tells the worker so at its
 * next frame, which it could not do for a shared inbox.
 */
export class StreamInbox {
  readonly #subscription: Subscription;
  #stopsWorker = false;
  #cancel: (() => void) | undefined;

  /** @param receive called with each message, or with the error that ended the subscription */
  constructor(
    readonly connection: NatsConnection,
    readonly subject: string,
    readonly receive: (error: Error | null, msg: Msg) => void,
  ) {
    this.#subscription = connection.subscribe(subject, {
      callback: (error, msg) => {
        if (this.#stopsWorker) this.#stop(error, msg);
        else receive(error, msg);
      },
    });
  }

  close(): void {
    this.#cancel?.();
    unlessClosed(() => this.#subscription.unsubscribe());
  }

  /** Closes the inbox of a request that no worker has answered yet. If its first frame still arrives in time, the worker is stopped. */
  closeAndStopWorker(clock: Clock, withinMs: number): void {
    this.#stopsWorker = true;
    this.#cancel = clock.after(withinMs, () => this.close());
  }

  #stop(error: Error | null, msg: Msg): void {
    if (error === null && msg.reply !== undefined && msg.reply !== '') {
      const { reply } = msg;
      unlessClosed(() => this.connection.publish(reply, encodeControl({ kind: 'stop' })));
    }
    this.close();
  }
}
