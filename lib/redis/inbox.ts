import type { PublicError } from '../core/errors.js';
import type { Context } from './context.js';
import { textsOf } from './record.js';

/** So much is taken out at a time. */
const PAGE = 1_000;

export type Message =
  | { readonly kind: 'cancel'; readonly taskId: string; readonly reason: PublicError }
  | { readonly kind: 'audience'; readonly taskId: string; readonly subscribers: number };

/** What instances tell each other. A list keeps the messages; the channel of the same name only says that there are any. */
export class Inbox {
  #reading: Promise<void> | undefined;
  #again = false;

  constructor(
    readonly context: Context,
    readonly receive: (message: Message) => void,
  ) {}

  get channel(): string {
    return this.context.keys.inbox(this.context.instance);
  }

  async send(instance: string, message: Message): Promise<void> {
    const { keys, commands, runningTtlMs } = this.context;
    const inbox = keys.inbox(instance);
    await Promise.all([
      commands.send(inbox, 'RPUSH', inbox, JSON.stringify(message)),
      commands.send(inbox, 'PEXPIRE', inbox, String(runningTtlMs)),
      commands.send(inbox, 'PUBLISH', inbox, ''),
    ]);
  }

  /** Takes out what is there; calls that come meanwhile are served by one more reading. */
  read(): Promise<void> {
    if (this.#reading !== undefined) {
      this.#again = true;
      return this.#reading;
    }
    return (this.#reading = this.#read().finally(() => (this.#reading = undefined)));
  }

  async #read(): Promise<void> {
    do {
      this.#again = false;
      while ((await this.#readPage()) === PAGE);
    } while (this.#hasMore());
  }

  async #readPage(): Promise<number> {
    const page = await this.context.commands.send(this.channel, 'LPOP', this.channel, String(PAGE));
    const messages = textsOf(page);
    for (const message of messages) this.receive(JSON.parse(message) as Message);
    return messages.length;
  }

  #hasMore(): boolean {
    return this.#again;
  }
}
