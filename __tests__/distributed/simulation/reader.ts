import { strict as assert } from 'node:assert';
import { createParser, type EventSourceMessage } from 'eventsource-parser';
import type { Instance } from './instance.js';
import { SimulatedResponse } from './response.js';

/** An event as readers have it. */
export interface Told {
  readonly id: string;
  readonly event: string | undefined;
  readonly data: string;
}

const ENDS = ['complete', 'failed', 'cancelled'];

/** Every payload that anybody has ever been told, by its id: no id may stand for two. */
export class Payloads {
  readonly #byId = new Map<string, string>();

  check({ id, event, data }: Told): void {
    const payload = `${event ?? ''} ${data}`;
    const known = this.#byId.get(id);
    if (known === undefined) this.#byId.set(id, payload);
    else assert.equal(payload, known, `the id ${id} stands for two payloads`);
  }
}

/** A client as EventSource is one: it keeps the last id, and comes back with it to whichever instance answers. */
export class Reader {
  readonly told: Told[] = [];
  readonly gaps: { from: number; to: number; reason: string }[] = [];
  lastEventId: string | undefined;
  taskId: string | undefined;
  /** It has its end, or was told that there is none any more. */
  over: 'ended' | 'at the end' | 'gone' | undefined;
  /** The end that it was told of. */
  end: Told | undefined;
  #response: SimulatedResponse | undefined;
  #instance: Instance | undefined;

  /** @param query what it asks with as long as it has no id: a start, or a resume key */
  constructor(
    readonly query: string,
    readonly payloads: Payloads,
  ) {}

  get isConnected(): boolean {
    return this.#response !== undefined;
  }

  isConnectedTo(instance: Instance): boolean {
    return this.isConnected && this.#instance === instance;
  }

  get resumeKey(): string | undefined {
    return this.lastEventId?.split('.', 1)[0];
  }

  connect(instance: Instance): void {
    const response = new SimulatedResponse({ onReceive: (bytes) => parser.feed(bytes.toString()) });
    const parser = createParser({
      onEvent: (event) => {
        if (response === this.#response && response.status === 200) this.#take(event);
      },
      onError: (error) => {
        throw error;
      },
    });
    this.#response = response;
    this.#instance = instance;
    response.on('close', () => {
      if (this.#response === response) this.#closed(response);
    });
    const headers = this.lastEventId === undefined ? {} : { 'last-event-id': this.lastEventId };
    instance.request(this.query, headers, response);
  }

  /** The line is cut under it. */
  cut(): void {
    const response = this.#response;
    this.#response = undefined;
    response?.drop();
  }

  #closed({ status }: SimulatedResponse): void {
    this.#response = undefined;
    if (this.over !== undefined) return;
    if (status === 204) this.over = 'at the end';
    else if (status === 404 || status === 410) this.over = 'gone';
  }

  #take({ id, event, data }: EventSourceMessage): void {
    assert.ok(id !== undefined, `an event without an id: ${event ?? ''} ${data}`);
    assert.equal(this.over, undefined, 'nothing comes after the end');
    const [key, text = ''] = id.split('.');
    assert.ok(this.resumeKey === undefined || this.resumeKey === key, 'a reader is told of one task only');
    const seq = Number(text);
    const before = Number(this.lastEventId?.split('.')[1] ?? 0);
    if (event === 'gap') this.gaps.push(JSON.parse(data) as { from: number; to: number; reason: string });
    else if (event === 'task') {
      assert.ok(this.lastEventId === undefined || seq <= before, 'the first frame moves nobody on');
      this.taskId = (JSON.parse(data) as { task_id: string }).task_id;
    } else {
      assert.equal(seq, before + 1, `after ${this.lastEventId ?? 'nothing'} came ${id} without a gap`);
      const told = { id, event, data };
      this.payloads.check(told);
      this.told.push(told);
      if (event !== undefined && ENDS.includes(event)) {
        this.end = told;
        this.over = 'ended';
      }
    }
    this.lastEventId = id;
  }
}
