import { headers, type MsgHdrs, type NatsConnection } from '@nats-io/transport-node';

/** The head of a frame, written by hand, so that it may be wrong. */
export function frame(kind: string, seq: number | string): MsgHdrs {
  const head = headers();
  head.set('Stream-Frame', kind);
  head.set('Stream-Seq', String(seq));
  return head;
}

/** The body of a data frame. */
export function body(...messages: readonly string[]): Buffer {
  return Buffer.concat(
    messages.flatMap((message) => {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(Buffer.byteLength(message));
      return [length, Buffer.from(message)];
    }),
  );
}

/** A worker that a test plays by hand, frame by frame, right or wrong. */
export class ForgedWorker {
  private constructor(
    readonly connection: NatsConnection,
    readonly inbox: string,
    readonly control: string,
    readonly heard: readonly string[],
  ) {}

  /** Takes the next request to `subject`, which `ask` sends. */
  static async answer(connection: NatsConnection, subject: string, ask: () => void): Promise<ForgedWorker> {
    const requests = connection.subscribe(subject, { max: 1 });
    const control = `_INBOX.forged.${subject}`;
    const heard: string[] = [];
    connection.subscribe(control, { callback: (_error, msg) => void heard.push(msg.string()) });
    await connection.flush();
    ask();
    const next = await requests[Symbol.asyncIterator]().next();
    if (next.done) throw new Error('no request');
    return new ForgedWorker(connection, next.value.reply ?? '', control, heard);
  }

  send(kind: string, seq: number | string, data: Uint8Array | string = '', reply = this.control): void {
    this.connection.publish(this.inbox, data, { headers: frame(kind, seq), ...(reply !== '' && { reply }) });
  }
}
