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

export const isSame = (a: Told, b: Told): boolean => a.id === b.id && a.event === b.event && a.data === b.data;

const ENDS = ['complete', 'failed', 'cancelled'];

/** Every payload that anybody has ever been told, by its id: no id may stand for two. */
export class Payloads {
  readonly #byId = new Map<string, Told>();

  check(told: Told): void {
    const known = this.#byId.get(told.id);
    if (known === undefined) this.#byId.set(told.id, told);
    else if (!isSame(told, known)) assert.deepEqual(told, known, `the id ${told.id} stands for two payloads`);
  }
}

/** A client as EventSource is one: it keeps the last id, and comes back with it to whichever instance answers. */
export class Reader {
  readonly told: Told[] = [];
  readonly gaps: { from: number; to: number; reason: string }[] = [];
  lastEventId: string | undefined;
  /** The two parts of that id which tell where it has got to. */
  resumeKey: string | undefined;
  #lastSeq = 0;
  taskId: string | undefined;
  /** It has its end, or was told that there is none any more. */
  over: 'ended' | 'at the end' | 'gone' | undefined;
  /** What was wrong with an event that it was sent. */
  failure: unknown;
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

  connect(instance: Instance): void {
    const response = new SimulatedResponse({ onReceive: (bytes) => parser.feed(bytes.toString()) });
    const parser = createParser({
      onEvent: (event) => {
        if (response !== this.#response || response.status !== 200) return;
        try {
          this.#take(event);
        } catch (error) {
          this.failure ??= error; // a connection survives whatever its response throws
        }
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

  /** Called for millions of events: what went wrong is put into words only when it did. */
  #take({ id, event, data }: EventSourceMessage): void {
    if (id === undefined) assert.fail(`an event without an id: ${event ?? ''} ${data}`);
    if (this.over !== undefined) assert.fail('nothing comes after the end');
    const [key, text = ''] = id.split('.', 2);
    if (this.resumeKey !== undefined && this.resumeKey !== key) assert.fail('a reader is told of one task only');
    const seq = Number(text);
    const before = this.#lastSeq;
    if (event === 'gap') this.gaps.push(JSON.parse(data) as { from: number; to: number; reason: string });
    else if (event === 'task') {
      assert.ok(this.lastEventId === undefined || seq <= before, 'the first frame moves nobody on');
      this.taskId = (JSON.parse(data) as { task_id: string }).task_id;
    } else {
      if (seq !== before + 1) assert.fail(`after ${this.lastEventId ?? 'nothing'} came ${id} without a gap`);
      const told = { id, event, data };
      this.payloads.check(told);
      this.told.push(told);
      if (event !== undefined && ENDS.includes(event)) {
        this.end = told;
        this.over = 'ended';
      }
    }
    this.lastEventId = id;
    this.resumeKey = key;
    this.#lastSeq = seq;
  }
}
