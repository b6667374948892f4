/**
 * Looks at thrown values without ever throwing itself. Anything can be thrown, even an object that throws again when it
 * is looked at.
 */
import { inspect } from 'node:util';

/** Causes of causes are shown down to this depth, which also ends a cycle of causes. */
const MAX_CAUSES = 4;
const MAX_LENGTH = 10_000;

/**
 * Returns a text for logs and warnings: stack or message, then `code`, then the causes. Other properties are left out,
 * because clients of other services keep requests with their credentials in them. Never throws.
 */
export function describeThrown(thrown: unknown): string {
  const text = describe(thrown, MAX_CAUSES);
  return text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH)}…` : text;
}

/** Returns a property of any value, or undefined where there is none or reading it throws. */
export function readProperty(value: unknown, name: string): unknown {
  return look(() => (value as Record<string, unknown> | null | undefined)?.[name]);
}

/** Returns the message of an error, or a short text for any other value. Never throws. */
export function messageOf(thrown: unknown): string {
  const message = readProperty(thrown, 'message');
  return typeof message === 'string' && message !== '' ? message : showValue(thrown);
}

function describe(thrown: unknown, causesLeft: number): string {
  const stack = readProperty(thrown, 'stack');
  let text = typeof stack === 'string' && stack !== '' ? stack : messageOf(thrown);
  const code = readProperty(thrown, 'code');
  if (typeof code === 'string' || typeof code === 'number') text += `\n  code: ${code}`;
  const causes = causesOf(thrown);
  if (causesLeft > 0) for (const cause of causes) text += `\n  caused by ${describe(cause, causesLeft - 1)}`;
  return text;
}

/** Returns the causes of an error. Of an AggregateError it takes only the first few, because they tend to be alike. */
function causesOf(thrown: unknown): unknown[] {
  const cause = readProperty(thrown, 'cause');
  const several = look(() => {
    const errors = readProperty(thrown, 'errors');
    return Array.isArray(errors)
      ? Array.from({ length: Math.min(errors.length, 3) }, (_, at): unknown => errors[at])
      : [];
  });
  return [...(cause === undefined ? [] : [cause]), ...(several ?? [])];
}

function showValue(value: unknown): string {
  if (typeof value === 'string') return value;
  const shown = look(() => inspect(value, { depth: 1, customInspect: false, breakLength: Infinity }));
  return shown ?? 'a value that cannot be shown';
}

/** Returns what `read` returns, or undefined where looking throws: a getter, or a proxy, even one of a plain list. */
function look<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
