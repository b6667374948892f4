/** Forms and reads resume keys, positions and event ids. */

/** Matches 16 bytes as base64url. */
const RESUME_KEY = /^[A-Za-z0-9_-]{22}$/;
const SEQ = /^(?:0|[1-9]\d{0,15})$/;
const EVENT_ID = /^([\w-]{22})\.(0|[1-9]\d{0,15})(?:\.([2-9]|[1-9]\d{1,9}))?$/;

export const isResumeKey = (text: string): boolean => RESUME_KEY.test(text);

/**
 * The parts of an event id: the log, the seq of the event in it, and the epoch, which says which holder of the task
 * wrote the event.
 */
export interface EventId {
  readonly resumeKey: string;
  readonly seq: number;
  readonly epoch: number;
}

/** Returns `<resumeKey>.<seq>` for the first holder of a task, `<resumeKey>.<seq>.<epoch>` for those after it. */
export const formatEventId = (resumeKey: string, seq: number, epoch = 1): string =>
  epoch === 1 ? `${resumeKey}.${seq}` : `${resumeKey}.${seq}.${epoch}`;

/** Matches the beginning of an event id. It is looser than `EVENT_ID`, and smaller: pages load it. */
const POSITION = /^([\w-]{22})\.(\d+)/;

/** Reads where an event is, for a client, which need not doubt its server. Returns undefined for an id that is not ours. */
export function readEventId(text: string): Omit<EventId, 'epoch'> | undefined {
  const [, resumeKey, seq] = POSITION.exec(text) ?? [];
  return resumeKey === undefined ? undefined : { resumeKey, seq: Number(seq) };
}

/** Returns the id of the place before the first event of a log. */
export const startOfLog = (resumeKey: string): string => `${resumeKey}.0`;

/** Parses a seq in plain decimal, at most 2^53 - 1. Returns undefined for anything else. */
export function parseSeq(text: string): number | undefined {
  const seq = SEQ.test(text) ? Number(text) : NaN;
  return Number.isSafeInteger(seq) ? seq : undefined;
}

/** Parses what `formatEventId` returns. Returns undefined for anything else. */
export function parseEventId(text: string): EventId | undefined {
  const [, resumeKey, digits, epoch = '1'] = EVENT_ID.exec(text) ?? [];
  const seq = Number(digits);
  return resumeKey !== undefined && Number.isSafeInteger(seq) ? { resumeKey, seq, epoch: Number(epoch) } : undefined;
}
