import {
  headers,
  type Msg,
  type MsgHdrs,
  type NatsConnection,
  type PublishOptions,
  type Subscription,
  type SubscriptionOptions,
} from '@nats-io/transport-node';
import type { Random } from '../random/random.js';

/** The part of the messages that arrive twice. */
const TWICE = 0.05;

interface Listening {
  readonly link: object;
  readonly subject: string;
  readonly callback: NonNullable<SubscriptionOptions['callback']>;
}

interface Message {
  readonly data: Buffer;
  readonly reply: string | undefined;
  readonly headers: MsgHdrs | undefined;
}

const hears = (listening: Listening, subject: string): boolean =>
  listening.subject === subject || listening.subject === subject.replace(/[^.]*$/, '*');

/** What a NATS server does between connections, in this process: keeps the order, and loses messages as it is told. */
export class LossyBus {
  /** The part of the messages that do not arrive. */
  loss = 0;
  readonly #listening = new Set<Listening>();
  readonly #waiting: (() => void)[] = [];

  constructor(readonly random: Random) {}

  /** It takes little, so that lists come in parts. `cut` ends it without a word, as kill -9 does. */
  connect(): { connection: NatsConnection; cut: () => void } {
    const link = {};
    let isCut = false;
    const connection = {
      info: { max_payload: 160 },
      isClosed: () => isCut,
      publish: (subject: string, payload: string | Uint8Array = '', { reply, headers: head }: PublishOptions = {}) => {
        if (!isCut) this.#send(subject, { data: Buffer.from(payload as string), reply, headers: head });
      },
      subscribe: (subject: string, { callback }: SubscriptionOptions) => {
        const listening = { link, subject, callback: callback! };
        this.#listening.add(listening);
        const end = (): boolean => this.#listening.delete(listening);
        return { unsubscribe: end, drain: () => Promise.resolve(end()) } as unknown as Subscription;
      },
      flush: () => new Promise<void>((resolve) => this.#waiting.push(resolve)),
    };
    const cut = (): void => {
      isCut = true;
      for (const each of [...this.#listening]) if (each.link === link) this.#listening.delete(each);
    };
    return { connection: connection as unknown as NatsConnection, cut };
  }

  /** How many subscriptions there are. */
  get size(): number {
    return this.#listening.size;
  }

  /** Until nobody has anything more to say. */
  async settle(): Promise<void> {
    do {
      for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) next();
      await new Promise(setImmediate); // whoever was told something goes on
    } while (this.#waiting.length > 0);
  }

  #send(subject: string, message: Message): void {
    const isHeard = [...this.#listening].some((each) => hears(each, subject));
    const { reply } = message;
    if (!isHeard && reply !== undefined) {
      const head = headers(503, 'No Responders');
      this.#deliver(reply, { data: Buffer.alloc(0), reply: undefined, headers: head });
    } else {
      this.#deliver(subject, message);
    }
  }

  #deliver(subject: string, message: Message): void {
    const msg = { subject, ...message, string: () => message.data.toString() } as unknown as Msg;
    for (const each of this.#listening) {
      if (!hears(each, subject) || this.random.next() < this.loss) continue;
      const arrive = (): void => {
        if (this.#listening.has(each)) void each.callback(null, msg);
      };
      this.#waiting.push(arrive);
      if (this.random.next() < TWICE) this.#waiting.push(arrive);
    }
  }
}
