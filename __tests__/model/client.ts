import { strict as assert } from 'node:assert';
import type { TaskEvent, TaskStream } from '../../lib/index.js';
import { type MemoryResponse } from '../support/sse/memory-response.js';
import type { TaskModel } from './task-model.js';
import { Follow, type Wire } from './wire.js';

export interface Connected {
  readonly res: MemoryResponse;
  readonly follow: Follow;
  /** All that was written, and what the client has taken of it. */
  readonly written: Wire;
  readonly taken: Wire;
  readonly subscriberId: string | undefined;
  /** Where it stands as long as nothing was written: a position ahead of the log is its end. */
  readonly floor: number;
  readonly openedAt: number;
  /** When something was last written or taken to the end. */
  movedAt: number;
  /** `close` was seen by the model. */
  left: boolean;
}

/** Somebody who watches one task, over as many connections as it takes. */
export class Client {
  connection: Connected | undefined;
  /** The events it has, in the order it got them; `named` are those it was told are missing. */
  readonly seen: number[] = [];
  readonly named: { from: number; to: number }[] = [];
  /** Written to a connection that broke before it was taken, and not asked for again. */
  readonly lost: { from: number; to: number }[] = [];

  constructor(
    readonly task: TaskModel,
    readonly subscriberId: string | undefined,
  ) {}

  /** Moves what its connection has taken to what it has. */
  collect(): void {
    const { connection } = this;
    if (connection === undefined) return;
    for (const { event, id, data } of connection.taken.news()) {
      if (event === 'task') continue;
      if (event === 'gap') {
        this.named.push(JSON.parse(data) as { from: number; to: number });
        continue;
      }
      this.see(Number(id!.slice(id!.indexOf('.') + 1)));
    }
  }

  see(seq: number): void {
    const last = this.seen.at(-1) ?? 0;
    assert.ok(seq > last, `${this.task.name}: event ${seq} came after ${last}`);
    for (let missed = last + 1; missed < seq && this.seen.length > 0; missed++) {
      assert.ok(this.excuses(missed), `${this.task.name}: event ${missed} was left out without a word`);
    }
    this.seen.push(seq);
  }

  excuses(seq: number): boolean {
    return [...this.named, ...this.lost].some(({ from, to }) => from <= seq && seq <= to);
  }

  /** A client that has lost its memory. */
  forget(): void {
    this.seen.length = 0;
  }
}

/** Somebody who watches one task from inside the process. */
export class Reader {
  readonly follow: Follow;
  /** The seq of the last event that it was given. */
  position: number;
  /** It has been attached; it is attached. */
  joined = false;
  attached = false;
  over = false;
  failure: { code?: string } | undefined;
  readonly #iterator: AsyncIterator<TaskEvent, void>;
  #pending = false;
  readonly #got: TaskEvent[] = [];

  constructor(
    readonly task: TaskModel,
    stream: TaskStream,
    readonly subscriberId: string | undefined,
  ) {
    this.follow = new Follow(task, stream.position, stream.resumed);
    this.position = stream.position;
    this.#iterator = stream[Symbol.asyncIterator]();
  }

  /** Waits for an event. */
  get pending(): boolean {
    return this.#pending;
  }

  pull(): void {
    if (this.#pending || this.over) return;
    this.#pending = true;
    this.#iterator.next().then(
      ({ done, value }) => {
        this.#pending = false;
        if (done === true) this.over = true;
        else this.#take(value);
      },
      (error: unknown) => {
        this.#pending = false;
        this.over = true;
        this.failure = error as { code?: string };
      },
    );
  }

  async leave(): Promise<void> {
    await this.#iterator.return?.();
    this.over = true;
  }

  /** The same check as for a connection, on the events that were pulled. */
  check(): void {
    for (const event of this.#got.splice(0)) {
      if (event.kind === 'gap') this.follow.gap(event);
      else this.#checkEvent(event);
    }
  }

  #take(event: TaskEvent): void {
    this.#got.push(event);
    if (event.kind !== 'gap') this.position = event.seq;
    else this.position = event.reason === 'ahead' ? event.from - 1 : event.to;
  }

  #checkEvent(event: Exclude<TaskEvent, { kind: 'gap' }>): void {
    const { task } = this;
    const logged = task.events[event.seq - 1];
    assert.ok(logged, `${task.name} has no event ${event.seq}`);
    const { result, error, reason, code } = JSON.parse(logged.json) as Record<string, unknown>;
    const { kind, seq, ...rest } = event;
    switch (kind) {
      case 'progress':
        assert.deepEqual(rest, { data: JSON.parse(logged.json) });
        break;
      case 'event':
        assert.deepEqual(rest, { event: logged.event, data: JSON.parse(logged.json) });
        break;
      case 'complete':
        assert.deepEqual(rest, { result });
        break;
      case 'failed':
        assert.deepEqual(rest, { error });
        break;
      case 'cancelled':
        assert.deepEqual(rest, { reason, code });
        break;
      case 'snapshot':
        assert.fail('nothing here makes snapshots');
    }
    const name = kind === 'progress' ? undefined : kind === 'event' ? logged.event : kind;
    this.follow.event(`${task.resumeKey}.${seq}`, name, logged.json);
  }
}
