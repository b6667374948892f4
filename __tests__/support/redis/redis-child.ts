import { killProcess } from '../processes/kill-process.js';
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { SseFollower } from '../sse/sse-follower.js';

export interface ChildMessage {
  readonly kind: string;
  readonly code?: string;
  readonly port?: number;
  readonly attempt?: number;
  readonly lastProgress?: { readonly n: number };
}

/** A web instance in a process of its own. */
export class ChildInstance {
  readonly messages: ChildMessage[] = [];
  #port = 0;

  private constructor(readonly process: ChildProcess) {
    process.on('message', (message) => this.messages.push(message as ChildMessage));
  }

  /** @param libUrl what `compileLib` gave */
  static async start(libUrl: string, redisUrl: string, options: object): Promise<ChildInstance> {
    const args = [libUrl, redisUrl, JSON.stringify(options)];
    const child = new ChildInstance(fork(join(__dirname, 'instance-process.js'), args, { execArgv: [] }));
    child.#port = (await child.heard('listening')).port ?? 0;
    return child;
  }

  /** The next message of the kind, or one that has come already. */
  async heard(kind: string): Promise<ChildMessage> {
    for (;;) {
      const found = this.messages.find((message) => message.kind === kind);
      if (found !== undefined) return found;
      await once(this.process, 'message');
    }
  }

  get port(): number {
    return this.#port;
  }

  follow(path = '/job', headers: Record<string, string> = {}): SseFollower {
    return new SseFollower(`http://127.0.0.1:${this.#port}${path}`, headers);
  }

  resume(resumeKey: string, seq: number, path = '/job'): SseFollower {
    return this.follow(path, { 'last-event-id': `${resumeKey}.${seq}` });
  }

  send(message: object): void {
    this.process.send(message);
  }

  signal(signal: NodeJS.Signals): void {
    this.process.kill(signal);
  }

  close(): Promise<void> {
    return killProcess(this.process);
  }
}
