/** 16 bytes as base64url. */
const RESUME_KEY = /^[A-Za-z0-9_-]{22}$/;
const SEQ = /^(?:0|[1-9]\d{0,15})$/;
const EVENT_ID = /^([\w-]{22})\.(0|[1-9]\d{0,15})$/;

export const isResumeKey = (text: string): boolean => RESUME_KEY.test(text);

/** An event id: which log, and the seq of the event in it. */
export interface EventId {
  readonly resumeKey: string;
  readonly seq: number;
}

export const formatEventId = (resumeKey: string, seq: number): string => `${resumeKey}.${seq}`;

/** A seq in plain decimal, at most 2^53 - 1; undefined for anything else. */
export function parseSeq(text: string): number | undefined {
  const seq = SEQ.test(text) ? Number(text) : NaN;
  return Number.isSafeInteger(seq) ? seq : undefined;
}

/** The parts of `<resumeKey>.<seq>`; undefined for anything else. */
export function parseEventId(text: string): EventId | undefined {
  const [, resumeKey, digits] = EVENT_ID.exec(text) ?? [];
  const seq = Number(digits);
  return resumeKey !== undefined && Number.isSafeInteger(seq) ? { resumeKey, seq } : undefined;
}
