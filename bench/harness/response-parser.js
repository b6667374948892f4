// An HTTP/1.1 response as it comes: its head, and its body with or without chunks.
const LF = 10;

export class ResponseParser {
  #onHead;
  #onBody;
  #onEnd;
  #head = '';
  /** Bytes left of the HTTP chunk (-1: its size comes next, -2: the headers are not over, Infinity: no chunks). */
  #left = -2;
  #sizeLine = '';

  constructor({ onHead, onBody, onEnd }) {
    this.#onHead = onHead;
    this.#onBody = onBody;
    this.#onEnd = onEnd;
  }

  feed(bytes) {
    let at = this.#left === -2 ? this.#readHead(bytes) : 0;
    while (at < bytes.length) {
      if (this.#left === -1) at = this.#readSize(bytes, at);
      else {
        const end = Math.min(at + this.#left, bytes.length);
        this.#onBody(bytes.subarray(at, end));
        this.#left -= end - at;
        at = end;
        if (this.#left === 0) this.#left = -1;
      }
    }
  }

  #readHead(bytes) {
    const before = this.#head.length;
    this.#head += bytes.toString('latin1');
    const end = this.#head.indexOf('\r\n\r\n');
    if (end === -1) return bytes.length;
    this.#left = /\r\ntransfer-encoding: *chunked/i.test(this.#head) ? -1 : Infinity;
    this.#onHead(this.#head.slice(0, end));
    return end + 4 - before;
  }

  /** The line break after a chunk, and the size of the next. */
  #readSize(bytes, at) {
    const end = bytes.indexOf(LF, at);
    this.#sizeLine += bytes.latin1Slice(at, end === -1 ? bytes.length : end);
    if (end === -1) return bytes.length;
    const line = this.#sizeLine.trim();
    this.#sizeLine = '';
    if (line === '0') this.#onEnd();
    else if (line !== '') this.#left = Number.parseInt(line, 16);
    return end + 1;
  }
}
