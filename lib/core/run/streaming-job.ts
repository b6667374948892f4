/** Consumes what a streaming job returns: async generators and other async iterables, ReadableStreams and streams of Node. */
import { types } from 'node:util';
import { readProperty } from '../thrown.js';

/** A source of values: an iterator, or the reader of a stream. */
interface ValueSource {
  next(): Promise<{ done?: boolean | undefined; value?: unknown }>;
  /** Tells the source that nobody pulls any more. Resolves when it has cleaned up. */
  stop(reason: unknown): Promise<unknown>;
}

/** The part of a ReadableStream reader that is used, of whatever realm or polyfill. */
interface StreamReader {
  read(): Promise<{ done: boolean; value?: unknown }>;
  cancel(reason: unknown): Promise<unknown>;
}

/** Returns the values that `output` stands for, or undefined where it is a plain result. */
export function valuesOf(output: unknown): ValueSource | undefined {
  if (typeof output !== 'object' || output === null) return undefined;
  const getReader = readProperty(output, 'getReader');
  if (typeof getReader === 'function') return fromReader(getReader.call(output) as StreamReader);
  const iterate = (output as { [Symbol.asyncIterator]?: unknown })[Symbol.asyncIterator];
  if (typeof iterate === 'function') {
    const source = fromIterator(iterate.call(output) as AsyncIterator<unknown>);
    return isNodeStream(output) ? fromNodeStream(output, source) : source;
  }
  // The object of a synchronous generator function can mean nothing else: as a plain result its JSON would be {}.
  const isGenerator = Object.prototype.toString.call(output) === '[object Generator]';
  return isGenerator ? fromGenerator(output as Iterator<unknown>) : undefined;
}

/**
 * Pushes the values of `source` one after the other, and returns what the source returned at its end. When `signal`
 * aborts, the source is stopped, and the promise resolves once it has cleaned up. An error of the source is thrown; a
 * refused `push` stops the source.
 */
export async function pullAll(
  source: ValueSource,
  signal: AbortSignal,
  push: (value: unknown) => Promise<void>,
): Promise<unknown> {
  const decoder = new TextDecoder();
  let stopped: Promise<unknown> | undefined;
  const stop = (reason: unknown): Promise<unknown> => (stopped ??= stopQuietly(source, reason));
  const abort = (): void => void stop(signal.reason);
  const hasStopped = (): boolean => signal.aborted;
  if (hasStopped()) abort();
  else signal.addEventListener('abort', abort, { once: true });
  try {
    while (!hasStopped()) {
      const { done, value } = await source.next();
      if (hasStopped()) break;
      const isBytes = types.isUint8Array(value);
      const progress =
        isBytes || done === true ? decoder.decode(isBytes ? value : undefined, { stream: !done }) : value;
      // Bytes that only begin a character are not text yet.
      if (progress !== '' || (value === '' && done !== true)) await push(progress);
      if (done === true) return value;
    }
    return undefined;
  } catch (error) {
    await stop(error);
    throw error;
  } finally {
    signal.removeEventListener('abort', abort);
    await stopped;
  }
}

async function stopQuietly(source: ValueSource, reason: unknown): Promise<unknown> {
  try {
    return await source.stop(reason);
  } catch {
    return undefined; // the task has already ended, so an error of the clean-up changes nothing
  }
}

function fromIterator(iterator: AsyncIterator<unknown> | Iterator<unknown>): ValueSource {
  return {
    next: async () => iterator.next(),
    stop: async () => iterator.return?.(),
  };
}

/** Awaits what a synchronous generator yields, as `for await` does. */
function fromGenerator(generator: Iterator<unknown>): ValueSource {
  const source = fromIterator(generator);
  return {
    next: async () => {
      const { done, value } = await source.next();
      return { done, value: await value };
    },
    stop: (reason) => source.stop(reason),
  };
}

function fromReader(reader: StreamReader): ValueSource {
  return {
    next: async () => reader.read(),
    stop: async (reason) => reader.cancel(reason),
  };
}

/** The part of a stream of Node that is used, of Node itself or of a package such as `readable-stream`. */
interface NodeStream {
  on(event: 'error', listener: () => void): unknown;
  destroy(reason: unknown): unknown;
}

function isNodeStream(output: object): output is NodeStream {
  return ['on', 'pipe', 'destroy'].every((name) => typeof readProperty(output, name) === 'function');
}

/**
 * Stops a stream of Node by destroying it. Its iterator alone would first wait for data, which may never come, and one
 * that was never pulled leaves the stream open, with nobody who hears of its errors.
 */
function fromNodeStream(stream: NodeStream, values: ValueSource): ValueSource {
  return {
    next: () => values.next(),
    stop: async (reason) => {
      stream.on('error', () => undefined);
      stream.destroy(reason);
      return values.stop(reason);
    },
  };
}
