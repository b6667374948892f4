import { killProcess } from '../processes/kill-process.js';
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

export interface ChildMessage {
  readonly kind: 'ready' | 'started' | 'aborted' | 'ended' | 'received' | 'outcome';
  readonly code?: string;
  readonly count?: number;
  readonly sent?: number;
  readonly exact?: boolean;
}

export interface ChildOptions {
  readonly role: 'gateway' | 'worker';
  readonly servers: string;
  readonly subject: string;
  readonly presenceSubject: string;
  readonly leaseMs: number;
  readonly beatMs: number;
  readonly windowMessages?: number;
}

/** A gateway or a worker in a process of its own. */
export class NatsChild {
  readonly #messages: ChildMessage[] = [];

  private constructor(readonly process: ChildProcess) {
    process.on('message', (message) => this.#messages.push(message as ChildMessage));
  }

  /** @param libUrl what `compileLib` gave */
  static async start(libUrl: string, options: ChildOptions): Promise<NatsChild> {
    const child = new NatsChild(
      fork(join(__dirname, 'nats-process.js'), [libUrl, JSON.stringify(options)], { execArgv: [] }),
    );
    await child.heard('ready');
    return child;
  }

  /** The next message of that kind that has not been heard yet. */
  heard(kind: ChildMessage['kind']): Promise<ChildMessage> {
    return this.heardAny([kind]);
  }

  /** The same for the first of some kinds. */
  async heardAny(kinds: readonly ChildMessage['kind'][]): Promise<ChildMessage> {
    for (;;) {
      const index = this.#messages.findIndex(({ kind }) => kinds.includes(kind));
      const [message] = index === -1 ? [] : this.#messages.splice(index, 1);
      if (message !== undefined) return message;
      await once(this.process, 'message');
    }
  }

  /** What has come counts as heard. */
  forget(): void {
    this.#messages.splice(0);
  }

  /** A gateway asks for the client. */
  ask(clientId: string, data: { readonly everyMs?: number; readonly to?: number }): void {
    this.process.send({ clientId, data });
  }

  signal(signal: NodeJS.Signals): void {
    this.process.kill(signal);
  }

  close(): Promise<void> {
    return killProcess(this.process);
  }
}
