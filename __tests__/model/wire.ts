import { strict as assert } from 'node:assert';
import { createParser, type EventSourceMessage } from 'eventsource-parser';
import type { TaskModel } from './task-model.js';

/** What a client makes of the bytes of one connection. */
export class Wire {
  readonly events: EventSourceMessage[] = [];
  readonly retries: number[] = [];
  comments = 0;
  #told = 0;
  readonly #decoder = new TextDecoder('utf-8', { fatal: true });
  readonly #parser = createParser({
    onEvent: (event) => {
      this.events.push(event);
    },
    onRetry: (retry) => {
      this.retries.push(retry);
    },
    onComment: () => {
      this.comments++;
    },
    onError: (error) => {
      throw error;
    },
  });

  feed(bytes: Buffer): void {
    this.#parser.feed(this.#decoder.decode(bytes, { stream: true }));
  }

  /** The events since the last call. */
  news(): EventSourceMessage[] {
    return this.events.slice(this.#told, (this.#told = this.events.length));
  }

  /** What a reconnect would send as Last-Event-ID. */
  get lastEventId(): string | undefined {
    return this.events.findLast(({ id }) => id !== undefined)?.id;
  }

  /** The seq in it. */
  get position(): number | undefined {
    const id = this.lastEventId;
    return id === undefined ? undefined : Number(id.slice(id.indexOf('.') + 1));
  }
}

/**
 * Checks that one connection tells exactly what the model's log says from `start` on.
 * Call `check` as often as you like; it goes on where it stopped.
 */
export class Follow {
  cursor: number;
  #checked = 0;

  constructor(
    readonly task: TaskModel,
    readonly start: number,
    readonly resumed: boolean,
  ) {
    this.cursor = start;
  }

  /** The terminal event was told. */
  get finished(): boolean {
    return this.task.status !== 'running' && this.cursor === this.task.events.length;
  }

  check(events: readonly EventSourceMessage[]): void {
    for (; this.#checked < events.length; this.#checked++) {
      const event = events[this.#checked]!;
      if (this.#checked === 0) this.#checkHead(event);
      else if (event.event === 'gap') this.gap(JSON.parse(event.data), event.id);
      else this.event(event.id, event.event, event.data);
    }
  }

  /** Something is missing: only what the log no longer keeps, and all of that at once. */
  gap({ from, to, reason }: { from: number; to: number; reason: string }, id?: string): void {
    const { task } = this;
    let next = to;
    if (reason === 'ahead') {
      assert.equal(to, this.cursor, 'an ahead gap reaches up to the position of the client');
      next = from - 1;
      assert.ok(next < to, 'an ahead gap takes the client back');
      assert.ok(next <= task.events.length, 'an ahead gap begins after the end of the log');
    } else {
      assert.equal(reason, 'trimmed');
      assert.equal(from, this.cursor + 1, 'a gap begins after the last event');
      assert.ok(to >= from, 'a gap is not empty');
      // Over a shared store too: what a copy here has dropped for want of memory is read from the store.
      assert.ok(to < task.firstKept, `a gap names only what is gone: to ${to}, kept from ${task.firstKept}`);
    }
    if (id !== undefined) assert.equal(id, `${task.resumeKey}.${next}`, 'a gap moves the cursor to its end');
    this.cursor = next;
  }

  event(id: string | undefined, event: string | undefined, data: string): void {
    const { task } = this;
    const seq = ++this.cursor;
    assert.equal(id, `${task.resumeKey}.${seq}`, 'events come without a hole and under the key of their task');
    const logged = task.events[seq - 1];
    assert.deepEqual({ event, data }, { event: logged?.event, data: logged?.json }, `event ${seq} of ${task.name}`);
  }

  #checkHead({ event, id, data }: EventSourceMessage): void {
    const { task, start, resumed } = this;
    assert.equal(event, 'task', 'a stream begins with the task event');
    assert.equal(id, `${task.resumeKey}.${start}`);
    const { status, ...rest } = JSON.parse(data) as Record<string, unknown>;
    const known = { task_id: task.taskId, resume_key: task.resumeKey, resumed, position: start };
    assert.deepEqual(rest, known);
    assert.ok(
      status === 'running' || status === task.status,
      `status ${String(status)} of a task that is ${task.status}`,
    );
  }
}
