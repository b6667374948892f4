/** Checks client ids and subjects. */
import { TaskError } from '../core/errors.js';
import { assertOption, type OptionRule } from '../core/check-options.js';

/** Matches one token of a subject. The separator and the wildcards are excluded by `SPECIAL`. */
const TOKEN = /^[\x21-\x7e]{1,128}$/;
const SPECIAL = /[.*>]/;

/**
 * Accepts only ids that are safe as a token of a subject. The library carries ids in headers and payloads alone, but
 * applications build subjects out of them.
 * @throws TaskError `INVALID_CLIENT_ID`
 */
export function checkClientId(id: unknown): asserts id is string {
  if (typeof id === 'string' && TOKEN.test(id) && !SPECIAL.test(id)) return;
  throw new TaskError(
    'INVALID_CLIENT_ID',
    'A client id is 1 to 128 visible ASCII characters, none of them a dot, * or >',
  );
}

/** Accepts a subject to publish to: tokens between single dots, without wildcards. */
export const A_SUBJECT: OptionRule = {
  text: 'a subject without wildcards or white space',
  accepts: (subject) => {
    const tokens = typeof subject === 'string' && subject.length <= 255 ? subject.split('.') : [];
    return tokens.length > 0 && tokens.every((token) => TOKEN.test(token) && !/[*>]/.test(token));
  },
};

/** The same of an argument that is no option. @throws TaskError `INVALID_OPTION` */
export function checkSubject(name: string, subject: unknown): asserts subject is string {
  assertOption(A_SUBJECT.accepts(subject), name, A_SUBJECT.text, subject);
}

/** Accepts a subject to subscribe to, in which a token may be `*` and the last one `>`. @throws TaskError `INVALID_OPTION` */
export function checkSubscription(name: string, subject: unknown): asserts subject is string {
  const text =
    typeof subject === 'string' ? subject.replace(/(?<=^|\.)\*(?=\.|$)/g, 'x').replace(/(?<=^|\.)>$/, 'x') : '';
  assertOption(text !== '', name, 'a subject', subject);
  checkSubject(name, text);
}
