/** 16 bytes as base64url. */
const RESUME_KEY = /^[A-Za-z0-9_-]{22}$/;
const SEQ = /^(?:0|[1-9]\d{0,15})$/;
const EVENT_ID = /^([\w-]{22})\.(0|[1-9]\d{0,15})(?:\.([2-9]|[1-9]\d{1,9}))?$/;

export const isResumeKey = (text: string): boolean => RESUME_KEY.test(text);

/** An event id: which log, the seq of the event in it, and which holder of the task wrote it: 1, or more after a restart. */
export interface EventId {
  readonly resumeKey: string;
  readonly seq: number;
  readonly epoch: number;
}

/** Returns `<resumeKey>.<seq>` for the first holder of a task, `<resumeKey>.<seq>.<epoch>` for those after it. */
export const formatEventId = (resumeKey: string, seq: number, epoch = 1): string =>
  epoch === 1 ? `${resumeKey}.${seq}` : `${resumeKey}.${seq}.${epoch}`;

/** A seq in plain decimal, at most 2^53 - 1; undefined for anything else. */
export function parseSeq(text: string): number | undefined {
  const seq = SEQ.test(text) ? Number(text) : NaN;
  return Number.isSafeInteger(seq) ? seq : undefined;
}

/** The parts of what `formatEventId` returns; undefined for anything else. */
export function parseEventId(text: string): EventId | undefined {
  const [, resumeKey, digits, epoch = '1'] = EVENT_ID.exec(text) ?? [];
  const seq = Number(digits);
  return resumeKey !== undefined && Number.isSafeInteger(seq) ? { resumeKey, seq, epoch: Number(epoch) } : undefined;
}
