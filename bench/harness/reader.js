// An event stream over a plain socket: no HTTP library, so that thousands fit into one process.
import { connect } from 'node:net';

const LF = 10;
const [D, E, I, DOT] = [...'dei.'].map((letter) => letter.charCodeAt(0));
/** `id: ` and a key: nothing in it needs to be looked at. */
const ID_PREFIX = 26;
const NOTHING = Buffer.alloc(0);

/** A socket that has asked for a stream. */
export function request({ port, path = '/stream', host = '127.0.0.1', onread }) {
  const socket = connect({ port, host, onread }).setNoDelay(true);
  socket.on('error', () => {}); // `close` follows
  socket.write(`GET ${path} HTTP/1.1\r\nHost: bench\r\nAccept: text/event-stream\r\n\r\n`);
  return socket;
}

/** Checks what it reads: every event has the seq after the one before, or a `gap` says otherwise. */
export class Reader {
  /** Frames that carry a seq of the log: progress and the terminal event. */
  events = 0;
  lastSeq = 0;
  gaps = [];
  terminal = undefined;
  /** The first thing that was wrong. */
  broken = undefined;
  #head = '';
  #rest = NOTHING;
  /** Bytes left of the HTTP chunk (-1: its size comes next, -2: the headers are not over, Infinity: no chunks). */
  #left = -2;
  #sizeLine = '';
  #waiting;

  /** @param options.onTime gets the `t` of every event whose data begins with `{"t":`, in µs */
  constructor({ port, path, host, socket = request({ port, path, host }), onTime }) {
    this.onTime = onTime;
    this.opened = new Promise((resolve) => (this.resolveOpened = resolve));
    this.closed = new Promise((resolve) => (this.resolveClosed = resolve));
    this.socket = socket;
    socket.on('data', (bytes) => this.feed(bytes)).on('close', () => this.resolveClosed());
  }

  /** Resolves when the event `seq` is there. */
  async reached(seq) {
    if (this.lastSeq < seq) await new Promise((resolve) => (this.#waiting = { seq, resolve }));
    this.assertExact();
  }

  assertExact() {
    if (this.broken !== undefined) throw new Error(this.broken);
  }

  feed(bytes) {
    let at = this.#left === -2 ? this.#readHead(bytes) : 0;
    while (at < bytes.length) {
      if (this.#left === -1) at = this.#readSize(bytes, at);
      else {
        const end = Math.min(at + this.#left, bytes.length);
        this.#readFrames(bytes.subarray(at, end));
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
    if (!this.#head.startsWith('HTTP/1.1 200')) this.broken ??= this.#head.slice(0, end);
    this.#left = /\r\ntransfer-encoding: *chunked/i.test(this.#head) ? -1 : Infinity;
    this.head = this.#head.slice(0, end);
    this.resolveOpened();
    return end + 4 - before;
  }

  /** The line break after a chunk, and the size of the next. */
  #readSize(bytes, at) {
    const end = bytes.indexOf(LF, at);
    this.#sizeLine += bytes.latin1Slice(at, end === -1 ? bytes.length : end);
    if (end === -1) return bytes.length;
    const line = this.#sizeLine.trim();
    this.#sizeLine = '';
    if (line === '0')
      this.socket.destroy(); // the response is over
    else if (line !== '') this.#left = Number.parseInt(line, 16);
    return end + 1;
  }

  #readFrames(fresh) {
    const bytes = this.#rest.length === 0 ? fresh : Buffer.concat([this.#rest, fresh]);
    let frame = 0; // where the frame begins
    let line = 0;
    let [data, id, event] = [-1, -1, -1]; // where the value's line begins
    for (let i = 0; i < bytes.length; i++) {
      if (i === line && bytes[i] === I) i += ID_PREFIX;
      if (bytes[i] !== LF) continue;
      if (i === line) {
        if (id !== -1) this.#dispatch(bytes, data, id, event);
        frame = i + 1;
        data = id = event = -1;
      } else if (bytes[line] === D) data = line + 6;
      else if (bytes[line] === I) id = i;
      else if (bytes[line] === E) event = line + 7;
      line = i + 1;
    }
    this.#rest = frame === bytes.length ? NOTHING : Buffer.from(bytes.subarray(frame));
  }

  #dispatch(bytes, data, idEnd, event) {
    let seq = 0;
    for (let i = idEnd - 1, unit = 1; bytes[i] !== DOT; i--, unit *= 10) seq += (bytes[i] - 48) * unit;
    if (event !== -1) {
      const name = bytes.latin1Slice(event, bytes.indexOf(LF, event));
      if (name === 'task' || name === 'connected') return void (this.lastSeq = seq);
      if (name === 'gap') {
        this.gaps.push(JSON.parse(bytes.toString('utf8', data, bytes.indexOf(LF, data))));
        return void (this.lastSeq = seq);
      }
      this.terminal = name;
    } else if (this.onTime !== undefined) {
      let time = 0;
      for (let i = data + 5; bytes[i] >= 48 && bytes[i] <= 57; i++) time = time * 10 + bytes[i] - 48;
      this.onTime(time);
    }
    if (seq !== this.lastSeq + 1) this.broken ??= `after ${this.lastSeq} came ${seq}`;
    this.lastSeq = seq;
    this.events++;
    if (this.#waiting !== undefined && seq >= this.#waiting.seq) this.#waiting.resolve();
  }
}

/** Opens `count` readers, `parallel` at a time; resolves when all have their headers. */
export async function openReaders(count, options, parallel = 64) {
  const readers = [];
  while (readers.length < count) {
    const batch = Array.from({ length: Math.min(parallel, count - readers.length) }, () => new Reader(options));
    readers.push(...batch);
    await Promise.all(batch.map(({ opened, closed }) => Promise.race([opened, closed])));
    for (const reader of batch) reader.assertExact();
  }
  return readers;
}
