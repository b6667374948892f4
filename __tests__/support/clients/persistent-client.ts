import type { Frame } from '../../../lib/sse/frame.js';
import { SseFollower } from '../sse/sse-follower.js';

/** A pause before a client that was refused asks again, in ms. */
const AGAIN_MS = 20;

/**
 * A client that comes back, anywhere, until it has the end of its task, and keeps all it got, twice where it got it
 * twice. All clients with one idempotency key start or find one task.
 */
export class PersistentClient {
  readonly events: Frame[] = [];
  taskId = '';
  /** Connections that it took. */
  connections = 0;
  readonly #waiting = new Map<number, () => void>();
  #lastEventId: string | undefined;

  constructor(
    readonly where: () => string,
    readonly idempotencyKey: string,
  ) {}

  get seqs(): number[] {
    return this.events.map(({ seq }) => seq);
  }

  get last(): Frame | undefined {
    return this.events.at(-1);
  }

  /** The end: the only event with a name. */
  get ended(): boolean {
    return this.last?.event !== undefined;
  }

  /** Resolves with the event `seq`, or with the end. */
  async reached(seq: number): Promise<void> {
    if (this.events.length < seq && !this.ended) await new Promise<void>((done) => this.#waiting.set(seq, done));
  }

  /** @throws Error for an answer that no client of a running task should get */
  async run(path: string): Promise<void> {
    while (!this.ended) await this.#connect(path);
    for (const done of this.#waiting.values()) done();
  }

  async #connect(path: string): Promise<void> {
    const identity: Record<string, string> =
      this.#lastEventId === undefined
        ? { 'idempotency-key': this.idempotencyKey }
        : { 'last-event-id': this.#lastEventId };
    const follower = new SseFollower(this.where() + path, identity);
    this.connections++;
    let taken = 0;
    const take = (): boolean => {
      const { events } = follower;
      for (; taken < events.length; taken++) {
        this.events.push(events[taken] as Frame);
        this.#waiting.get(this.events.length)?.();
      }
      return follower.ended;
    };
    await follower.until(take);
    this.#lastEventId = follower.lastEventId ?? this.#lastEventId;
    if (follower.status === 200) {
      this.taskId ||= follower.taskId;
    } else if (follower.status === 0 || follower.status === 503) {
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS)); // nobody there, or no store
    } else throw new Error(`${follower.status} ${follower.body}`);
  }
}
