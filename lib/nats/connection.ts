import type { NatsConnection } from '@nats-io/transport-node';
import type { Clock } from '../core/clock.js';
import { assertOption } from '../core/options.js';

/** What a server takes whose configuration says nothing else. */
const DEFAULT_MAX_PAYLOAD = 1_048_576;

/** @throws TaskError `INVALID_OPTION` */
export function checkConnection(connection: NatsConnection): void {
  const methods = ['publish', 'subscribe', 'flush'] as const;
  const there = typeof connection === 'object' && (connection as object | null) !== null;
  const complete = there && methods.every((name) => typeof connection[name] === 'function');
  assertOption(complete, 'connection', 'a NatsConnection', connection);
}

/** What the server takes, head and body of a message, in bytes; a guess while there is none. */
export const maxPayloadOf = ({ info }: NatsConnection): number => info?.max_payload ?? DEFAULT_MAX_PAYLOAD;

/** A connection that is closed or drains refuses. The lease that is not renewed says what could not be said. */
export function unlessClosed(use: () => void): void {
  try {
    use();
  } catch {
    // See above.
  }
}

/** Resolves when `done` settles, or after `ms`: a server that stands still answers nothing, for minutes. */
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
