import type { ServerResponse } from 'node:http';
import type { Http2ServerResponse } from 'node:http2';
import type { Follower } from '../core/event-log.js';
import type { Item } from '../core/subscription.js';
import { encodeEvent, encodeRetry, HEARTBEAT } from './frame.js';
import type { Beating, Heartbeat } from './heartbeat.js';

/** A response that frames can be written to, whatever the protocol. */
export type StreamResponse = ServerResponse | Http2ServerResponse;

/** What a connection reads from; it brings its position along. */
export interface Source {
  read(): Item | undefined;
  readonly finished: boolean;
  readonly discarded: boolean;
  close(): void;
}

const CONNECTION = Symbol('connection');

type Held = StreamResponse & { [CONNECTION]?: Connection; flush?: () => void };

/**
 * The one path from a log to a response: writes what the source has while the socket takes it, then sleeps until the
 * log grows or the socket drains. Nothing is queued here: while the socket is full the position just stays.
 */
export class Connection implements Follower, Beating {
  readonly #res: Held;
  #source: Source | undefined;
  #blocked = false;
  #ended = false;
  /** Heartbeat ticks: when it is too old, and when it last wrote or was last able to. */
  readonly #retireTick: number;
  #lastTick: number;
  #resolveClosed: (() => void) | undefined;
  /** Resolves when the response is over, for whatever reason. */
  readonly closed: Promise<void>;

  /** @param idPrefix what stands before the seq in the ids of the source's events */
  constructor(
    res: StreamResponse,
    readonly idPrefix: string,
    readonly heartbeat: Heartbeat,
  ) {
    this.#res = res;
    this.#res[CONNECTION] = this;
    this.#lastTick = heartbeat.ticks;
    this.#retireTick = heartbeat.ticks + heartbeat.nextAgeTicks();
    this.closed = new Promise((resolve) => (this.#resolveClosed = resolve));
    // Shared listeners that find their connection by the response: no closure per connection. A compression middleware
    // hands the drain listener on to its own stream, and answers with that: then this is whom the listener hears.
    const drained = (res as ServerResponse).on('drain', onDrain) as unknown as Held;
    drained[CONNECTION] = this;
    (res as ServerResponse).on('close', onClose);
    heartbeat.add(this);
  }

  /** Writes `prelude`, then everything that `source` has, then what comes. */
  open(prelude: string, source: Source): void {
    this.#source = source;
    this.#write(prelude);
    this.wake();
  }

  wake(): void {
    const source = this.#source;
    if (source === undefined) return;
    while (!this.#blocked && !this.#over) {
      const item = source.read();
      if (item === undefined) break;
      this.#write(item.kind === 'frames' ? item.bytes : this.#encode(item));
    }
    if (source.finished) this.#end();
    else if (source.discarded) this.#cut(); // never an end without a terminal event: the client finds out by asking again
  }

  /** One tick of the shared timer. */
  beat(): void {
    const { heartbeat } = this;
    const idleTicks = heartbeat.ticks - this.#lastTick;
    if (this.#blocked || this.#over) {
      if (idleTicks >= heartbeat.stallTicks) this.#cut();
    } else if (heartbeat.ticks >= this.#retireTick) {
      this.retire();
    } else if (idleTicks >= heartbeat.silenceTicks) {
      this.#write(HEARTBEAT);
    }
  }

  /** Ends the response before its task: the client comes back, after a while of its own, and goes on. */
  retire(): void {
    this.wake();
    if (!this.#over) this.#write(`${encodeRetry(this.heartbeat.nextRetryMs())}\n`);
    this.#end();
  }

  drained(): void {
    this.#blocked = false;
    this.#lastTick = this.heartbeat.ticks;
    this.wake();
  }

  /** The response is over. */
  close(): void {
    this.heartbeat.delete(this);
    this.#ended = true;
    this.#source?.close();
    this.#source = undefined;
    this.#resolveClosed?.();
  }

  #write(frames: string | Buffer): void {
    this.#lastTick = this.heartbeat.ticks;
    this.#blocked = !(this.#res as ServerResponse).write(frames);
    this.#res.flush?.(); // compression middlewares hold everything back until they are told
  }

  /** Nothing may be written any more. A middleware of the application can have ended the response, too. */
  get #over(): boolean {
    return this.#ended || this.#res.writableEnded;
  }

  #end(): void {
    if (this.#over) return;
    this.#ended = true;
    this.#res.end();
  }

  #cut(): void {
    this.#ended = true;
    this.#res.destroy();
  }

  #encode(item: Exclude<Item, { kind: 'frames' }>): string {
    switch (item.kind) {
      case 'snapshot':
        return encodeEvent(this.idPrefix, item.seq, 'snapshot', item.json);
      case 'gap': {
        const { from, to, reason, position } = item;
        return encodeEvent(this.idPrefix, position, 'gap', JSON.stringify({ from, to, reason }));
      }
    }
  }
}

function onDrain(this: Held): void {
  this[CONNECTION]?.drained();
}

function onClose(this: Held): void {
  this[CONNECTION]?.close();
}
