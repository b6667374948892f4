import { get, type ClientRequest, type IncomingMessage } from 'node:http';
import { decodeEvents, type Frame } from '../../../lib/sse/frame.js';

/** A client that reads one event stream over HTTP, and can be asked to wait for what comes. */
export class SseFollower {
  readonly frames: Frame[] = [];
  readonly headers: NodeJS.Dict<string | string[]> = {};
  status = 0;
  body = '';
  ended = false;
  /** As the server wrote it; a client sends it back as it is. */
  lastEventId: string | undefined;
  #rest = '';
  #request: ClientRequest;
  #wake: (() => void)[] = [];

  constructor(url: string, headers: Record<string, string> = {}) {
    this.#request = get(url, { headers, agent: false }, (response) => {
      this.#answered(response);
    });
    this.#request.on('error', () => {
      this.#end();
    });
  }

  /** Progress and named events, without the frame that introduces the task. */
  get events(): Frame[] {
    return this.frames.filter(({ event }) => event !== 'task');
  }

  get seqs(): number[] {
    return this.events.map(({ seq }) => seq);
  }

  get last(): Frame | undefined {
    return this.frames.at(-1);
  }

  get resumeKey(): string {
    return String(this.headers['x-resume-key']);
  }

  get taskId(): string {
    return String(this.headers['x-task-id']);
  }

  /** Resolves as soon as `holds`; throws where the stream ends before. */
  async until(holds: (follower: this) => boolean): Promise<this> {
    while (!holds(this)) {
      if (this.ended)
        throw new Error(`The stream ended (${this.status}) with ${JSON.stringify(this.last)} ${this.body}`);
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
    return this;
  }

  async untilSeq(seq: number): Promise<this> {
    return this.until(() => (this.last?.seq ?? 0) >= seq);
  }

  /** Resolves when the response is over. */
  async untilEnded(): Promise<this> {
    while (!this.ended) await new Promise<void>((resolve) => this.#wake.push(resolve));
    return this;
  }

  close(): void {
    this.#request.destroy();
  }

  #answered(response: IncomingMessage): void {
    this.status = response.statusCode ?? 0;
    Object.assign(this.headers, response.headers);
    response.setEncoding('utf8');
    response.on('data', (text: string) => {
      this.#read(text);
    });
    response.on('close', () => {
      this.#end();
    });
    this.#notify();
  }

  #read(text: string): void {
    if (this.status !== 200) this.body += text;
    const blocks = (this.#rest + text).split('\n\n');
    this.#rest = blocks.pop() ?? '';
    for (const block of blocks) {
      const lines = block.split('\n').filter((line) => !line.startsWith(':') && !line.startsWith('retry:'));
      if (lines.length > 0) this.frames.push(...decodeEvents(`${lines.join('\n')}\n\n`));
      this.lastEventId = lines.findLast((line) => line.startsWith('id: '))?.slice('id: '.length) ?? this.lastEventId;
    }
    this.#notify();
  }

  #end(): void {
    this.ended = true;
    this.#notify();
  }

  #notify(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }
}
