// Finds out how the text of a file is encoded: by its byte order mark, by what its sender says, or by its bytes.
import { isAscii, isUtf8 } from 'node:buffer';
import iconv from 'iconv-lite';

/** @type {[string, number[]][]} */
const MARKS = [
  ['utf-32le', [0xff, 0xfe, 0, 0]],
  ['utf-32be', [0, 0, 0xfe, 0xff]],
  ['utf-8', [0xef, 0xbb, 0xbf]],
  ['utf-16le', [0xff, 0xfe]],
  ['utf-16be', [0xfe, 0xff]],
];

const BEYOND_ASCII = /[\u0080-\u{10ffff}]/gu;
/** Enough lines with letters beyond ASCII to tell one alphabet from another. */
const TELLING_BYTES = 32_768;
/** With less than that, statistics of letters say nothing about one Latin alphabet and another. */
const LEAST_TELLING_BYTES = 24;
/** In alphabets other than Latin most letters beyond ASCII stand beside another one. */
const LEAST_TOGETHER = 0.6;
const OTHER_ALPHABETS = /^(windows-125[1356]|koi8-[ru]|shift_jis|cp932|euc-jp|gb18030|big5|euc-kr|cp949)$/;
const LATIN_ALPHABETS = /^windows-125[0247]$/;
/** How much likelier another Latin alphabet has to be than the most frequent one. */
const CLEARLY_LIKELIER = 1.5;

/**
 * @typedef {object} Encoding
 * @property {string} name as `iconv-lite` knows it: `utf-8`, `windows-1252` …
 * @property {'byte order mark' | 'declared' | 'detected'} by
 * @property {boolean} valid false where some bytes are none of this encoding's: rows with U+FFFD are then bad rows
 */

/** The name under which `declared` is read, or undefined where nobody knows it. Latin-1 is read as its superset. */
export function knownEncoding(declared) {
  const name = declared.trim().toLowerCase();
  if (/^(iso-?8859-?1|latin-?1|l1|us-ascii|ascii|cp1252)$/.test(name)) return 'windows-1252';
  return iconv.encodingExists(name) ? name : undefined;
}

/** Where bytes are enough to tell: a byte order mark, or the zeros of UTF-16. @returns {Encoding | undefined} */
export function encodingOfHead(head, declared) {
  const mark = MARKS.find(([, bytes]) => bytes.every((byte, at) => head[at] === byte));
  if (mark) return { name: mark[0], by: 'byte order mark', valid: true };
  if (declared !== undefined && declared !== 'utf-8' && declared !== 'utf8') {
    return { name: declared, by: 'declared', valid: true };
  }
  const zeros = [0, 0];
  for (let at = 0; at < head.length; at++) if (head[at] === 0) zeros[at % 2]++;
  const [even, odd] = zeros.map((count) => count / (head.length / 2));
  if (odd > 0.3 && even < 0.05) return { name: 'utf-16le', by: 'detected', valid: true };
  if (even > 0.3 && odd < 0.05) return { name: 'utf-16be', by: 'detected', valid: true };
  return undefined;
}

/**
 * Reads everything, because the first letter beyond ASCII may stand in the last row.
 *
 * @param {AsyncIterable<Buffer>} chunks
 * @param {boolean} declared its sender says that it is UTF-8
 * @returns {Promise<Encoding>}
 */
export async function encodingOfAll(chunks, declared) {
  const telling = [];
  let tellingBytes = 0;
  let rest = Buffer.alloc(0);
  let good = 0;
  let bad = 0;
  const count = (text) => {
    for (const [found] of text.matchAll(BEYOND_ASCII)) found === '\uFFFD' ? bad++ : good++;
  };
  for await (const chunk of chunks) {
    if (rest.length === 0 && isAscii(chunk)) continue;
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    rest = Buffer.from(unfinished(bytes)); // a copy: the chunk is overwritten by the next one
    const whole = bytes.subarray(0, bytes.length - rest.length);
    if (tellingBytes < TELLING_BYTES) {
      for (const line of linesBeyondAscii(whole)) {
        telling.push(Buffer.from(line));
        tellingBytes += line.length;
        if (tellingBytes >= TELLING_BYTES) break;
      }
    }
    // U+FFFD of its own is a character like others, where all bytes are valid.
    if (isUtf8(whole)) good += whole.toString().match(BEYOND_ASCII)?.length ?? 0;
    else count(whole.toString());
  }
  if (rest.length > 0) bad++;
  const by = declared ? 'declared' : 'detected';
  if (bad === 0 || declared || good > bad) return { name: 'utf-8', by, valid: bad === 0 };
  return { name: await guess(Buffer.concat(telling)), by, valid: true };
}

/** Windows-1252, unless the letters say that it is another alphabet. */
async function guess(sample) {
  const { default: jschardet } = await import('jschardet'); // its models are megabytes that few files need
  let beyond = 0;
  let together = 0;
  sample.forEach((byte, at) => {
    if (byte < 0x80) return;
    beyond++;
    if (sample[at - 1] >= 0x80 || sample[at + 1] >= 0x80) together++;
  });
  const found = jschardet
    .detectAll(sample)
    .map(({ encoding, confidence }) => ({ encoding: encoding?.toLowerCase() ?? '', confidence }));
  if (together >= LEAST_TOGETHER * beyond) {
    const other = found.find(({ encoding }) => OTHER_ALPHABETS.test(encoding));
    if (other !== undefined && beyond > 2) return other.encoding;
  }
  const [best] = found.filter(({ encoding }) => LATIN_ALPHABETS.test(encoding));
  const usual = found.find(({ encoding }) => encoding === 'windows-1252')?.confidence ?? 0;
  const isClear = best !== undefined && best.confidence >= CLEARLY_LIKELIER * usual && beyond >= LEAST_TELLING_BYTES;
  return isClear ? best.encoding : 'windows-1252';
}

/** The end of `bytes` that may be the beginning of a character whose rest comes with the next chunk. */
function unfinished(bytes) {
  for (let length = 1; length <= Math.min(3, bytes.length); length++) {
    const byte = bytes[bytes.length - length];
    if (byte < 0x80) break;
    if (byte < 0xc0) continue;
    const needed = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
    return needed > length ? bytes.subarray(bytes.length - length) : bytes.subarray(bytes.length);
  }
  return bytes.subarray(bytes.length);
}

function* linesBeyondAscii(bytes) {
  let from = 0;
  while (from < bytes.length) {
    const end = bytes.indexOf(0x0a, from);
    const to = end === -1 ? bytes.length : end + 1;
    const line = bytes.subarray(from, to);
    if (!isAscii(line)) yield line;
    from = to;
  }
}
