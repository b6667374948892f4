/** Sends part of a stream as one whole body, for clients behind something that passes nothing on before the end. */
import { AsyncResource } from 'node:async_hooks';
import type { Follower } from '../core/log/followers.js';
import { encodeItem, type Source, type StreamResponse } from './connection.js';
import type { LogEncoder } from './log-encoder.js';
import type { HeartbeatTarget, Heartbeat } from './heartbeat.js';
import { sendLarge } from './whole-answer.js';

/** An answer stops collecting at this size, so that the memory it holds does not grow with the log. */
const MAX_COLLECTED_BYTES = 262_144;

/**
 * Collects the bytes that a stream would have sent up to the first pause, and sends them with their length. Where there
 * is no event yet it waits for one, and sends a comment when the time is over. It calls the response in the
 * AsyncLocalStorage context of its request, which is not that of the event or the timer that ends the wait.
 */
export class BoundedAnswer extends AsyncResource implements Follower, HeartbeatTarget {
  #source: Source | undefined;
  #waitMs = 0;
  #cancelTimer: (() => void) | undefined;
  #resolve: ((sent: boolean) => void) | undefined;

  /**
   * @param head the headers of the stream, and what it begins with
   */
  constructor(
    readonly res: StreamResponse,
    readonly head: { readonly headers: Readonly<Record<string, string>>; readonly prelude: string },
    readonly encoder: LogEncoder,
    readonly heartbeat: Heartbeat,
  ) {
    super('resumable-sse.answer', { requireManualDestroy: true });
  }

  /** Sends the answer. Resolves when it is sent, or with false when that has failed or the client has left. */
  send(source: Source, waitMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      this.#source = source;
      this.#waitMs = waitMs;
      this.#resolve = resolve;
      (this.res as NodeJS.EventEmitter).once('close', () => {
        this.#close();
        resolve(false);
      });
      this.heartbeat.add(this); // so that a stop ends it too
      this.#cancelTimer = this.heartbeat.settings.clock.after(waitMs, () => {
        this.sendAway();
      });
      if (waitMs === 0) this.sendAway();
      else this.wake();
    });
  }

  wake(): void {
    const source = this.#source;
    if (source === undefined) return;
    const frames: Buffer[] = [];
    let bytes = 0;
    while (bytes < MAX_COLLECTED_BYTES) {
      const item = source.read();
      if (item === undefined) break;
      const encoded = Buffer.from(encodeItem(item, this.encoder));
      frames.push(encoded);
      bytes += encoded.length;
    }
    if (frames.length > 0 || source.finished || source.discarded) this.#answer(source, frames);
  }

  /** Ends the answer with the events there are, or with none. The client reconnects. */
  sendAway(): void {
    this.wake();
    if (this.#source !== undefined) this.#answer(this.#source, [Buffer.from(this.heartbeat.beat)]);
  }

  /** Does nothing, because no stream is open that would have to be kept alive. */
  beat(): void {
    return undefined;
  }

  #answer({ budget }: Source, frames: readonly Buffer[]): void {
    const { res, head, heartbeat } = this;
    this.#close();
    const headers = { ...head.headers, 'Preference-Applied': `wait=${this.#waitMs / 1_000}` };
    const send = (): boolean => sendLarge(res, headers, { heartbeat, budget }, Buffer.concat(frames), head.prelude);
    this.#resolve?.(this.runInAsyncScope(send));
  }

  readonly #close = (): void => {
    this.#cancelTimer?.();
    this.heartbeat.delete(this);
    this.#source?.close();
    this.#source = undefined;
  };
}
