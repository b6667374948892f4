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

/** Redis says this of a script as a whole, before it begins or before its first write. Older servers wrap what a script was refused, so the word may stand inside. */
const WHOLE = /^-?(?:LOADING|TRYAGAIN|CLUSTERDOWN|MASTERDOWN|BUSY) |(?:^|[ -])(?:OOM|READONLY|NOREPLICAS|MISCONF) /;
/** Redis says this of each command. Rights and names of commands are up to the operator, who may give them back. */
const RIGHTS = /^-?(?:NOAUTH|ERR [Uu]nknown (?:Redis )?command|ERR The user executing)|(?:^|[ -])NOPERM /;
/** The command will never be accepted: the key holds something else. */
const LASTING = /^-?WRONGTYPE/;

/** A command that Redis itself has not carried out. */
export interface Refusal {
  /** It may be accepted later. */
  readonly passing: boolean;
  /** Redis has refused the script around it as a whole, so that nothing of that is written either. */
  readonly whole: boolean;
}

/** Tells whether Redis itself has said that it did not carry the command out; undefined where it may have. */
export function refusalOf(error: unknown): Refusal | undefined {
  const cause = error instanceof TaskError ? error.cause : error;
  const said = cause instanceof Error ? cause.message : typeof cause === 'string' ? cause : '';
  if (WHOLE.test(said)) return { passing: true, whole: true };
  if (RIGHTS.test(said)) return { passing: true, whole: false };
  return LASTING.test(said) ? { passing: false, whole: false } : undefined;
}
