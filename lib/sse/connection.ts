import { OutgoingMessage, type ServerResponse } from 'node:http';
import type { Http2ServerResponse } from 'node:http2';
import type { Follower } from '../core/event-log.js';
import type { Gap, Item } from '../core/subscription.js';
import { directSocket, type Socket } from './chunks.js';
import { encodeEvent, encodeRetry } from './frame.js';
import type { Beating, Heartbeat } from './heartbeat.js';

/** A response that frames can be written to, whatever the protocol. */
export type StreamResponse = ServerResponse | Http2ServerResponse;

/** What a connection reads from; it brings its position along. */
export interface Source {
  read(): Item | Gap<string> | undefined;
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
  /** Compression middlewares hold everything back until they are told. */
  readonly #flushes: boolean;
  /** Where frames go once the headers have been written; undefined: to the response. */
  #socket: Socket | undefined;
  #blocked = false;
  #ended = false;
  /** Heartbeat ticks: when it is too old, and when it last wrote or was last able to. */
  readonly #retireTick: number;
  #lastTick: number;
  #onClosed: (() => void) | undefined;

  /** @param idPrefix what stands before the seq in the ids of the source's events */
  constructor(
    res: StreamResponse,
    readonly idPrefix: string,
    readonly heartbeat: Heartbeat,
  ) {
    this.#res = res;
    this.#res[CONNECTION] = this;
    this.#flushes = this.#res.flush !== undefined; // asking for what is not there is slow on Express's responses
    this.#lastTick = heartbeat.ticks;
    this.#retireTick = heartbeat.ticks + heartbeat.nextAgeTicks();
    // A shared listener that finds its connection by the response: no closure per connection.
    (res as ServerResponse).on('close', onClose);
    heartbeat.add(this);
  }

  /** Resolves when the response is over, for whatever reason. */
  async closed(): Promise<void> {
    if (this.#source !== undefined) await new Promise<void>((resolve) => (this.#onClosed = resolve));
  }

  /** Writes `prelude`, then everything that `source` has, then what comes. */
  open(prelude: string, source: Source): void {
    this.#source = source;
    this.#begin(prelude);
    this.#socket = directSocket(this.#res);
    if (this.#socket === undefined) {
      // A compression middleware hands the drain listener on to its own stream, and answers with that: then this is
      // whom the listener hears.
      const drained = (this.#res as ServerResponse).on('drain', onDrain) as unknown as Held;
      drained[CONNECTION] = this;
    } else if (this.#blocked) this.#awaitDrain(this.#socket);
    this.wake();
  }

  /**
   * The headers, and `prelude` in the same packet. Node keeps the headers for as long as the response is held: written by
   * themselves they are one flat string, in one piece with what follows a tree of some thirty strings.
   */
  #begin(prelude: string): void {
    const plain = this.#res instanceof OutgoingMessage ? this.#res : undefined;
    plain?.cork();
    plain?.flushHeaders();
    this.#write(prelude);
    plain?.uncork();
  }

  wake(): void {
    const source = this.#source;
    if (source === undefined) return;
    // Looked at once: it is slow on Express, and nothing below changes it. What cannot be written is not read either.
    const over = this.#over || this.#socket?.writable === false;
    while (!over && !this.#blocked) {
      const item = source.read();
      if (item === undefined) break;
      this.#write(encodeItem(item, this.idPrefix));
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
      this.#write(heartbeat.beat);
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
    this.#onClosed?.();
  }

  /** A middleware's `write` that throws costs this connection, not the others that are woken with it. */
  #write(frames: string | Buffer): void {
    this.#lastTick = this.heartbeat.ticks;
    try {
      this.#blocked = !this.#send(frames);
    } catch {
      this.#blocked = true;
      this.#cut();
    }
  }

  #send(frames: string | Buffer): boolean {
    if (this.#socket === undefined) {
      const more = (this.#res as ServerResponse).write(frames);
      if (this.#flushes) this.#res.flush?.();
      return more;
    }
    const more = this.heartbeat.chunks.write(this.#socket, frames);
    if (!more) this.#awaitDrain(this.#socket);
    return more;
  }

  #awaitDrain(socket: Socket): void {
    socket.once('drain', () => {
      this.drained();
    });
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
}

/** The bytes of one item. @param idPrefix what stands before the seq in the ids of the source's events */
export function encodeItem(item: Item | Gap<string>, idPrefix: string): string | Buffer {
  switch (item.kind) {
    case 'frames':
      return item.bytes;
    case 'snapshot':
      return encodeEvent(idPrefix, item.seq, 'snapshot', item.json);
    case 'gap': {
      const { from, to, reason, position } = item;
      return encodeEvent(idPrefix, position, 'gap', JSON.stringify({ from, to, reason }));
    }
  }
}

function onDrain(this: Held): void {
  this[CONNECTION]?.drained();
}

function onClose(this: Held): void {
  this[CONNECTION]?.close();
}
