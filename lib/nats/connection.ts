/** Small dealings with the NATS connection that presence and streams share. */
import type { NatsConnection } from '@nats-io/transport-node';
import type { Clock } from '../core/clock.js';

/** The payload limit of a server with the default configuration, in bytes. */
const DEFAULT_MAX_PAYLOAD = 1_048_576;

/** Returns how large a message may be, headers included, in bytes. Without a server it is a guess. */
export const maxPayloadOf = ({ info }: NatsConnection): number => info?.max_payload ?? DEFAULT_MAX_PAYLOAD;

/**
 * Calls `use`, and ignores the error that a closed or draining connection throws. Whatever could not be said then is
 * said by the lease that is not renewed.
 */
export function unlessClosed(use: () => void): void {
  try {
    use();
  } catch {
    // The connection is closing, so nothing can be told any more.
  }
}

/** Resolves when `done` settles, or after `ms`, because a server that hangs may not answer for minutes. */
export function within(clock: Clock, ms: number, done: Promise<unknown>): Promise<void> {
  return new Promise((resolve) => {
    const cancel = clock.after(ms, resolve);
    const settle = (): void => {
      cancel();
      resolve();
    };
    done.then(settle, settle);
  });
}
