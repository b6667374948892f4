/** What one block of a stream said, field by field: control frames carry `retry` and an event in one block. */
export interface Frame {
  event: string | undefined;
  /** undefined without a `data` line. */
  data: string | undefined;
  id: string | undefined;
  retry: number | undefined;
  comment: string | undefined;
}

/**
 * Splits a stream into its blocks. Stricter than a client has to be: a line that is no field is an error here, since the library
 * should never send one.
 */
export class FrameSplitter {
  #pending = '';

  /** Text that is no whole block yet. */
  get unfinished(): string {
    return this.#pending;
  }

  push(text: string): Frame[] {
    this.#pending += text;
    const frames: Frame[] = [];
    for (let end = this.#pending.indexOf('\n\n'); end !== -1; end = this.#pending.indexOf('\n\n')) {
      frames.push(parseBlock(this.#pending.slice(0, end)));
      this.#pending = this.#pending.slice(end + 2);
    }
    return frames;
  }
}

function parseBlock(block: string): Frame {
  const frame: Frame = { event: undefined, data: undefined, id: undefined, retry: undefined, comment: undefined };
  for (const line of block.split('\n')) {
    const match = /^(event|data|id|retry|): ?(.*)$/s.exec(line);
    if (match === null) throw new Error(`not a line of an event stream: ${JSON.stringify(line)}`);
    const [, field = '', value = ''] = match;
    switch (field) {
      case '':
        frame.comment = frame.comment === undefined ? value : `${frame.comment}\n${value}`;
        break;
      case 'data':
        frame.data = frame.data === undefined ? value : `${frame.data}\n${value}`;
        break;
      case 'retry':
        if (!/^\d+$/.test(value)) throw new Error(`not a retry: ${JSON.stringify(value)}`);
        frame.retry = Number(value);
        break;
      case 'event':
        frame.event = value;
        break;
      case 'id':
        frame.id = value;
    }
  }
  return frame;
}
