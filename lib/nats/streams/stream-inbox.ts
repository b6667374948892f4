import type { Msg, NatsConnection, Subscription } from '@nats-io/transport-node';
import type { Clock } from '../../core/clock.js';
import { unlessClosed } from '../connection.js';
import { encodeControl } from './stream-protocol.js';

/**
 * Where the frames of one stream come in. A subscription of its own: when it is gone the server tells the worker so
 * with its next frame, which it cannot do for a shared inbox.
 */
export class StreamInbox {
  readonly #subscription: Subscription;
  #stopsWorker = false;
  #cancel: (() => void) | undefined;

  /** @param receive gets each message, or the error that ended the subscription */
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

  /** For a request that is stopped before a worker has answered: its first frame says whom to tell, if it comes in time. */
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
