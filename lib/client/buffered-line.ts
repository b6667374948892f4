/**
 * Notices a line that holds answers back until they are complete, as corporate proxies and tunnels do, and asks for
 * bounded answers there: the same bytes in pieces that end by themselves (`Prefer: wait=N`, RFC 7240).
 */
import { StreamError } from './connection/answers.js';
import { DEFAULT_WATCHDOG_MS, type NextRequest } from './connection/connection.js';
import { globals } from './connection/browser-globals.js';
import { attempt, type TaskStorage } from './storage.js';
import type { StreamTaskOptions } from './task-options.js';

/** A stream whose first byte takes longer than this is held back, or dead. */
const FIRST_BYTE_MS = 8_000;
/** After so many attempts without a byte, the line counts as one that holds answers back. */
const SILENT_ATTEMPTS = 2;
/** The longest time that the server may wait for an event before it ends a bounded answer. */
const WAIT_S = 20;
/** The time for which an origin is remembered. */
const REMEMBERED_MS = 3_600_000;
/** The slowest upload that is not mistaken for silence, in bytes per ms. */
const UPLOAD_RATE = 16;

/** Watches the requests of one task for a line that holds answers back. */
export interface BufferedLine {
  /** Asks for a bounded answer where that is needed; returns what to expect of the answer. */
  readonly prepare: (
    url: URL,
    headers: Headers,
    body: RequestInit['body'],
  ) => Pick<NextRequest, 'firstByteMs' | 'bounded'>;
  /** Something of the task has arrived. */
  readonly gotNews: () => void;
  /** An attempt is over without an end; returns its cause, or that the line holds answers back. */
  readonly failed: (cause: unknown) => unknown;
}

/** Starts the watch. Options are read anew for each request; nothing is remembered of a line that lets events through. */
export function watchBufferedLine(options: StreamTaskOptions): BufferedLine {
  let isBounded = false;
  let unanswered = 0;
  let name = '';
  const storage = (): TaskStorage | undefined => options.storage ?? globals.sessionStorage;

  return {
    prepare({ origin }, headers, body) {
      const { watchdogMs = DEFAULT_WATCHDOG_MS } = options;
      name = `buffered:${origin}`;
      isBounded = options.bounded ?? (isBounded || Number(attempt(() => storage()?.getItem(name))) > Date.now());
      if (isBounded) headers.set('Prefer', `wait=${WAIT_S}`);
      const uploadMs = sizeOf(body as Sized) / UPLOAD_RATE; // an upload in progress is not silence
      const waitMs = isBounded ? WAIT_S * 1_000 : 0;
      const limitMs = isBounded || options.bounded === false ? Infinity : FIRST_BYTE_MS;
      return { bounded: isBounded, firstByteMs: uploadMs + waitMs + Math.min(watchdogMs, limitMs) };
    },
    gotNews() {
      // Only now, since the line could have been dead.
      if (unanswered >= SILENT_ATTEMPTS) attempt(() => storage()?.setItem(name, `${Date.now() + REMEMBERED_MS}`));
      unanswered = 0;
    },
    failed(cause) {
      if ((cause as StreamError | undefined)?.code !== 'UNANSWERED') unanswered = 0;
      else if (++unanswered === SILENT_ATTEMPTS && !isBounded && options.bounded !== false) {
        isBounded = true;
        return new StreamError('BUFFERED', undefined, { cause });
      }
      return cause;
    },
  };
}

/** The members by which the bodies that a request can send tell their size. */
type Sized = Partial<
  Pick<ArrayBuffer, 'byteLength'> & Pick<string, 'length'> & Pick<Blob, 'size'> & Pick<FormData, 'values'>
>;

/** Returns the bytes of a body, or about as many. */
const sizeOf = (body: Sized | null | undefined): number =>
  body?.byteLength ??
  body?.length ??
  body?.size ??
  [...(body?.values?.() ?? [])].reduce((sum, part) => sum + sizeOf(part), 0);
