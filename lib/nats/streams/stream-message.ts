/** One message of a worker. */
export interface StreamMessage {
  /** From 1, without a hole. */
  readonly seq: number;
  /** A view of what NATS received: copy what you keep for long. */
  readonly data: Uint8Array;
  string(): string;
  /** @throws SyntaxError where it is not JSON */
  json(): unknown;
}

/** Gets each message, in the place of a loop; false: there shall be no more. */
export type OnMessage = ((message: StreamMessage) => boolean) | ((message: StreamMessage) => void);

export class ReceivedMessage implements StreamMessage {
  constructor(
    readonly seq: number,
    readonly data: Uint8Array,
  ) {}

  string(): string {
    return textOf(this.data);
  }

  json(): unknown {
    return JSON.parse(this.string());
  }
}

/** UTF-8 as text. */
export const textOf = ({ buffer, byteOffset, byteLength }: Uint8Array): string =>
  Buffer.from(buffer, byteOffset, byteLength).toString();
