// An event stream over a plain socket: no HTTP library, so that thousands fit into one process.
import { connect } from 'node:net';
import { ResponseParser } from './response-parser.js';

const LF = 10;
const [D, E, I, DOT, SPACE] = [...'dei. '].map((letter) => letter.charCodeAt(0));
/** `id:` and a key: nothing in it needs to be looked at. */
const ID_PREFIX = 25;
/** Begins where a reader begins. */
const PRELUDES = new Set(['task', 'connected']);
/** What all readers of a process read into: each is done with it before the next one's turn. */
const SHARED = Buffer.allocUnsafe(2 ** 16);
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
  #rest = NOTHING;
  #waiting;
  #response;

  /**
   * @param options.onTime gets the `t` of every event whose data begins with `{"t":`, in µs
   * @param options.sparse seqs grow, but others get some of them
   */
  constructor({ port, path, host, socket, onTime, sparse = false }) {
    this.onTime = onTime;
    this.sparse = sparse;
    this.opened = new Promise((resolve) => (this.resolveOpened = resolve));
    this.closed = new Promise((resolve) => (this.resolveClosed = resolve));
    this.#response = new ResponseParser({
      onHead: (head) => {
        if (!head.startsWith('HTTP/1.1 200')) this.broken ??= head;
        this.head = head;
        this.resolveOpened();
      },
      onBody: (bytes) => this.#readFrames(bytes),
      onEnd: () => this.socket.destroy(),
    });
    const callback = (count) => {
      this.feed(SHARED.subarray(0, count));
      return true;
    };
    this.socket = socket ?? request({ port, path, host, onread: { buffer: SHARED, callback } });
    this.socket.on('close', () => {
      if (this.head === undefined) this.broken ??= 'the connection was closed before the headers came';
      this.resolveClosed();
    });
  }

  /** Resolves when the event `seq` is there. */
  async reached(seq) {
    if (this.lastSeq < seq) await new Promise((resolve) => (this.#waiting = { seq, resolve }));
    this.assertExact();
  }

  /** Resolves when it has `events` events. */
  async counted(events) {
    if (this.events < events) await new Promise((resolve) => (this.#waiting = { events, resolve }));
    this.assertExact();
  }

  assertExact() {
    if (this.broken !== undefined) throw new Error(this.broken);
  }

  feed(bytes) {
    this.#response.feed(bytes);
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
      } else if (bytes[line] === D) data = valueAt(bytes, line + 5);
      else if (bytes[line] === I) id = i;
      else if (bytes[line] === E) event = valueAt(bytes, line + 6);
      line = i + 1;
    }
    this.#rest = frame === bytes.length ? NOTHING : Buffer.from(bytes.subarray(frame));
  }

  #dispatch(bytes, data, idEnd, event) {
    let seq = 0;
    for (let i = idEnd - 1, unit = 1; bytes[i] !== DOT; i--, unit *= 10) seq += (bytes[i] - 48) * unit;
    const name = event === -1 ? 'message' : bytes.latin1Slice(event, bytes.indexOf(LF, event));
    if (name !== 'message') {
      if (PRELUDES.has(name)) {
        this.epoch = bytes.latin1Slice(idEnd - 22 - 1 - String(seq).length, idEnd - 1 - String(seq).length);
        return void (this.lastSeq = seq);
      }
      if (name === 'gap') {
        this.gaps.push(JSON.parse(bytes.toString('utf8', data, bytes.indexOf(LF, data))));
        return void (this.lastSeq = seq);
      }
      this.terminal = name;
    } else if (seq === 0) {
      return; // the prelude of a wire that names no events
    } else if (this.onTime !== undefined) {
      let time = 0;
      for (let i = data + 5; bytes[i] >= 48 && bytes[i] <= 57; i++) time = time * 10 + bytes[i] - 48;
      this.onTime(time);
    }
    if (this.sparse ? seq <= this.lastSeq : seq !== this.lastSeq + 1)
      this.broken ??= `after ${this.lastSeq} came ${seq}`;
    this.lastSeq = seq;
    this.events++;
    const waiting = this.#waiting;
    if (waiting !== undefined && (seq >= waiting.seq || this.events >= waiting.events)) waiting.resolve();
  }
}

/** Where a field's value begins, with or without the space that may stand before it. */
const valueAt = (bytes, colon) => (bytes[colon] === SPACE ? colon + 1 : colon);

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
