/** A message of a worker, as its requester receives it. */
export interface StreamMessage {
  /** The number of the message, from 1, without a hole. */
  readonly seq: number;
  /** A view of the bytes that NATS received. Copy them if you keep them for long. */
  readonly data: Uint8Array;
  /** Decodes the data as UTF-8 text. */
  string(): string;
  /** Parses the data as JSON. @throws SyntaxError where it is not */
  json(): unknown;
}

/** Receives each message instead of a loop. Returning false ends the stream. */
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

/** Decodes UTF-8 without copying the bytes first. */
export const textOf = ({ buffer, byteOffset, byteLength }: Uint8Array): string =>
  Buffer.from(buffer, byteOffset, byteLength).toString();
