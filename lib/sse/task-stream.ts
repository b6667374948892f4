/** One subscriber's stream of one task, as a response or as an iterable. */
import { TaskError } from '../core/errors.js';
import type { Follower } from '../core/log/followers.js';
import type { Attachment } from '../core/engine/attachment.js';
import type { TaskFeed } from '../core/ports.js';
import { Subscription, type Item } from '../core/log/subscription.js';
import { formatEventId } from './event-id.js';
import { Connection, type StreamResponse } from './connection.js';
import { decodeEvents, encodeRetry, toTaskEvent, type TaskEvent } from './frame.js';
import { BoundedAnswer } from './bounded-answer.js';
import { LogEncoder } from './log-encoder.js';
import { isOver, isQueued } from './guarded-response.js';
import { placeHeaders, streamHeaders } from './headers.js';
import type { Heartbeat } from './heartbeat.js';
import { sendHead, sendNoContent } from './whole-answer.js';
import type { Wire } from './wire.js';

/**
 * The stream of one task for one subscriber: the kept events after its position, then new ones, until the terminal
 * event. Pipe it into a response, or iterate over it.
 */
export interface TaskStream<P = unknown, R = unknown> extends AsyncIterable<TaskEvent<P, R>> {
  /** The public id of the task. */
  readonly taskId: string;
  /** The secret of the task, by which the client may attach again. */
  readonly resumeKey: string;
  /** True where the task existed before this request. */
  readonly resumed: boolean;
  /** The seq of the last event that the subscriber has; 0 for none. */
  readonly position: number;
  /**
   * Sends headers, events and heartbeats, heeds back-pressure, and ends the response after the terminal event. A
   * subscriber that has seen that already gets 204. Resolves when the response is over, and never rejects for a lost
   * client.
   * @throws TaskError before the headers: `PIPELINING`, `TOO_MANY_SUBSCRIBERS`, `TASK_EXPIRED`, `STORE_UNAVAILABLE`.
   */
  pipe(res: StreamResponse): Promise<void>;
}

/** The settings that all streams of one manager share. */
export interface StreamSettings {
  readonly heartbeat: Heartbeat;
  readonly maxSubscribersPerTask: number;
  /** The place where clients find the router; undefined where streams shall not name it. */
  readonly publicPath?: string | undefined;
  /** Returns the wire with this name. @throws TaskError `UNKNOWN_WIRE` */
  readonly wireOf: (name: string | undefined) => Wire;
}

export interface StreamOptions {
  readonly attachment: Attachment;
  /** Asks for the events there are as one body, after this many ms at the latest. Default: a stream without an end. */
  readonly waitMs?: number | undefined;
  /** Called where the response was over before it began, so that its client was told nothing of the task. */
  readonly abandon?: (() => void) | undefined;
}

export class StoredTaskStream<P = unknown, R = unknown> implements TaskStream<P, R> {
  readonly taskId: string;
  readonly resumeKey: string;
  readonly resumed: boolean;
  readonly position: number;

  constructor(
    readonly options: StreamOptions,
    readonly settings: StreamSettings,
  ) {
    const { record, resumed, start } = options.attachment;
    this.taskId = record.taskId;
    this.resumeKey = record.resumeKey;
    this.resumed = resumed;
    this.position = start.position;
  }

  async pipe(res: StreamResponse): Promise<void> {
    await (await this.begin(res))?.closed();
  }

  /**
   * Does the same as `pipe`, but resolves as soon as the response is on its way. Waiting for the end of a stream takes
   * memory for every held connection.
   */
  async begin(res: StreamResponse): Promise<Connection | undefined> {
    try {
      return await this.#begin(res);
    } catch (error) {
      this.abandon();
      throw error;
    }
  }

  /** Cancels a task whose one client could not be told of it. */
  abandon(): void {
    this.options.abandon?.();
  }

  async #begin(res: StreamResponse): Promise<Connection | undefined> {
    if (this.isOver(res)) return undefined;
    if (isQueued(res))
      throw new TaskError('PIPELINING', 'A stream cannot wait behind another response: ask on another connection');
    const { taskId, resumeKey, resumed, position } = this;
    const { heartbeat } = this.settings;
    const { attachment, waitMs } = this.options;
    const feed = await attachment.open();
    if (this.isOver(res)) return undefined; // the client left while the task was looked up, so its `close` has already been emitted
    const { lastSeq, ended, epochs } = feed.log;
    const { epoch = epochs.at(position) } = attachment.start;
    if (ended && position === lastSeq && epoch === epochs.at(lastSeq)) {
      // [spec] "a client can be told to stop reconnecting using the HTTP 204 No Content response code"
      sendNoContent(res);
      return undefined;
    }
    this.#admit(feed);
    const { record } = feed;
    const wire = this.settings.wireOf(record.wire);
    const places = placeHeaders(this.settings.publicPath, taskId);
    const headers = { ...wire.headers, ...streamHeaders(taskId, resumeKey), ...places };
    const encoder = new LogEncoder(resumeKey, wire, record, feed.log.epochs);
    const { status, slot } = record;
    const stream = { taskId, slot, resumeKey, status, resumed, position };
    const prelude =
      encodeRetry(heartbeat.nextRetryMs()) +
      (wire.prelude?.(formatEventId(resumeKey, position, epoch), stream) ?? '\n');
    if (waitMs !== undefined) {
      const answer = new BoundedAnswer(res, { headers, prelude }, encoder, heartbeat);
      // A client that starts a task is told its key at once: if it were cut off while it waits, it could not return.
      if (!(await answer.send(this.#subscribe(feed, answer), resumed ? waitMs : 0))) this.abandon();
      return undefined;
    }
    if (!sendHead(res, 200, headers)) {
      this.abandon();
      return undefined;
    }
    const connection = new Connection(res, encoder, heartbeat);
    connection.open(prelude, this.#subscribe(feed, connection));
    return connection;
  }

  /**
   * Tells whether nobody waits for the response, because its client has left or somebody else, such as a time-out
   * middleware, has answered. A task that only this client would have known of is then cancelled.
   */
  isOver(res: StreamResponse): boolean {
    if (!isOver(res)) return false;
    this.abandon();
    return true;
  }

  /**
   * Iterates over the events. `return()` ends the iteration at once, even while `next()` waits for an event; a plain
   * generator would let it wait as well.
   */
  [Symbol.asyncIterator](): AsyncGenerator<TaskEvent<P, R>, void, void> {
    const reader = new Reader();
    const events = this.#read(reader);
    const end = events.return.bind(events);
    events.return = (value) => {
      reader.leave();
      return end(value);
    };
    return events;
  }

  async *#read(reader: Reader): AsyncGenerator<TaskEvent<P, R>, void, void> {
    const feed = await this.options.attachment.open();
    assertReadable(this.settings.wireOf(feed.record.wire));
    this.#admit(feed);
    const subscription = this.#subscribe(feed, reader);
    let { position } = subscription; // the position of the last yielded event; a slice may hold more
    try {
      while (!subscription.finished && !reader.left) {
        const item = subscription.read();
        if (item !== undefined) {
          for (const event of decodeItem<P, R>(item)) {
            position = 'seq' in event ? event.seq : subscription.position;
            yield event;
          }
        } else if (subscription.discarded) {
          throw new TaskError('TASK_EXPIRED', 'The task was forgotten while it was read');
        } else {
          await reader.woken();
        }
      }
    } finally {
      subscription.close(position);
    }
  }

  /** Refuses a subscriber too many. It runs in the same turn as `#subscribe`, so that a crowd cannot slip through. */
  #admit(feed: TaskFeed): void {
    if (feed.record.subscribers < this.settings.maxSubscribersPerTask) return;
    throw new TaskError(
      'TOO_MANY_SUBSCRIBERS',
      'Too many subscribers are attached to this task: maxSubscribersPerTask is reached',
    );
  }

  #subscribe(feed: TaskFeed, follower: Follower): Subscription {
    const { subscriberId, start } = this.options.attachment;
    return new Subscription(feed, subscriberId, start, follower);
  }
}

/** Wakes an iteration when the log has grown, or when its consumer leaves. */
class Reader implements Follower {
  left = false;
  #wake: (() => void) | undefined;

  wake(): void {
    this.#wake?.();
  }

  leave(): void {
    this.left = true;
    this.wake();
  }

  woken(): Promise<void> {
    return new Promise((resolve) => (this.#wake = resolve));
  }
}

/** Refuses tasks on other wires, whose frames cannot be turned back into events. */
function assertReadable({ name }: Wire): void {
  if (name === 'default') return;
  throw new TaskError('INVALID_OPTION', `Only a task on the default wire can be iterated over; this one is on ${name}`);
}

function* decodeItem<P, R>(item: Item): Generator<TaskEvent<P, R>> {
  switch (item.kind) {
    case 'frames':
      for (const { event, data, seq } of decodeEvents(item.bytes.toString())) yield toTaskEvent<P, R>(event, data, seq);
      break;
    case 'gap':
      yield { kind: 'gap', from: item.from, to: item.to, reason: item.reason };
      break;
    case 'snapshot':
      yield { kind: 'snapshot', seq: item.seq, data: JSON.parse(item.json) };
      break;
  }
}
