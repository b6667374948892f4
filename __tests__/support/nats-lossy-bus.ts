import type { Msg, NatsConnection, PublishOptions, Subscription, SubscriptionOptions } from '@nats-io/transport-node';
import type { Random } from './random.js';

/** The part of the messages that arrive twice. */
const TWICE = 0.05;

interface Listening {
  readonly link: object;
  readonly subject: string;
  readonly callback: NonNullable<SubscriptionOptions['callback']>;
}

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
      publish: (subject: string, payload: string, { reply }: PublishOptions = {}) => {
        if (!isCut) this.#send(subject, payload, reply);
      },
      subscribe: (subject: string, { callback }: SubscriptionOptions) => {
        const listening = { link, subject, callback: callback! };
        this.#listening.add(listening);
        return { unsubscribe: () => void this.#listening.delete(listening) } as unknown as Subscription;
      },
      flush: () => new Promise<void>((resolve) => this.#waiting.push(resolve)),
    };
    const cut = (): void => {
      isCut = true;
      for (const each of [...this.#listening]) if (each.link === link) this.#listening.delete(each);
    };
    return { connection: connection as unknown as NatsConnection, cut };
  }

  /** Until nobody has anything more to say. */
  async settle(): Promise<void> {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      next();
      for (let turn = 0; turn < 8; turn++) await Promise.resolve(); // whoever waited for a flush goes on
    }
  }

  #send(subject: string, payload: string, reply: string | undefined): void {
    const heard = [...this.#listening].filter((each) => each.subject === subject);
    const nobody = heard.length === 0 && reply !== undefined;
    if (nobody) this.#deliver(reply, { headers: { code: 503 }, string: () => '' });
    else this.#deliver(subject, { string: () => payload, reply });
  }

  #deliver(subject: string, msg: object): void {
    for (const each of this.#listening) {
      if (each.subject !== subject || this.random.next() < this.loss) continue;
      const arrive = (): void => {
        if (this.#listening.has(each)) void each.callback(null, { subject, ...msg } as Msg);
      };
      this.#waiting.push(arrive);
      if (this.random.next() < TWICE) this.#waiting.push(arrive);
    }
  }
}
