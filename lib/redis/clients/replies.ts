/** Reads what Redis answers, whatever the client has made of it, and what its refusals mean. */
import { TaskError } from '../../core/errors.js';

/** A reply in which every text, buffer and number is a string. */
export type Reply = string | null | readonly Reply[];

/** The same reply from a client with `stringNumbers`, type mappings or buffers as from one without. */
export function plain(reply: unknown): Reply {
  if (typeof reply === 'string') return reply;
  if (Array.isArray(reply)) return reply.map(plain);
  if (reply instanceof Uint8Array) return Buffer.from(reply).toString();
  if (typeof reply === 'number' || typeof reply === 'bigint' || typeof reply === 'boolean') return String(reply);
  return null;
}

/** The texts in an answer that is a list; empty for anything else. */
export const textsOf = (reply: Reply | undefined): string[] =>
  Array.isArray(reply) ? reply.map((item) => String(item)) : [];

/** Waits for all replies, so that no command is still under way, and then rejects as the first that has failed. */
export async function allDone(replies: readonly Promise<Reply>[]): Promise<readonly Reply[]> {
  await Promise.allSettled(replies);
  return Promise.all(replies);
}

/** Reads the answer of a hash or a sorted set: names and values by turns. */
export function pairsOf(reply: Reply): [name: string, value: string][] {
  const texts = textsOf(reply);
  return texts.flatMap((name, index) => (index % 2 === 0 ? [[name, texts[index + 1] ?? '']] : []));
}

/** The same command will be accepted later. Older servers wrap what a script was refused, so the word may stand inside. */
const PASSING = /^-?(?:LOADING|TRYAGAIN|CLUSTERDOWN|MASTERDOWN|BUSY) |(?:^|[ -])(?:OOM|READONLY|NOREPLICAS|MISCONF) /;
/** The command will never be accepted. */
const LASTING = /^-?(?:NOPERM|NOAUTH|WRONGTYPE|ERR unknown command|ERR The user executing)|(?:^|[ -])NOPERM /;

/**
 * Tells whether Redis itself has said that it did not begin to carry the command out; undefined where it may have. Within a
 * script, Redis checks memory, replicas, disk and role only before the first write, so these words say it of scripts too.
 */
export function refusalOf(error: unknown): { readonly passing: boolean } | undefined {
  const cause = error instanceof TaskError ? error.cause : error;
  const said = cause instanceof Error ? cause.message : typeof cause === 'string' ? cause : '';
  if (PASSING.test(said)) return { passing: true };
  return LASTING.test(said) ? { passing: false } : undefined;
}
