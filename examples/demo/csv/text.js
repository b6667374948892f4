// Decodes the bytes of a file into text in which every line ends with one line feed, whatever the file itself uses.
import iconv from 'iconv-lite';

/**
 * @param {AsyncIterable<Buffer>} chunks
 * @param {string} encoding
 * @returns {AsyncGenerator<string>}
 */
export async function* decode(chunks, encoding) {
  const decoder = iconv.getDecoder(encoding);
  let returned = false; // a carriage return that ended a chunk: the line feed may be the first of the next one
  const unify = (text) => {
    const whole = returned ? `\r${text}` : text;
    returned = whole.endsWith('\r');
    const kept = returned ? whole.slice(0, -1) : whole;
    return kept.includes('\r') ? kept.replace(/\r\n?/g, '\n') : kept;
  };
  for await (const chunk of chunks) yield unify(decoder.write(chunk));
  const rest = unify(decoder.end() ?? '');
  yield returned ? `${rest}\n` : rest;
}

/** The line ends of a sample as people call them, the most frequent first. */
export function lineEndsOf(sample) {
  const counts = { LF: 0, CRLF: 0, CR: 0 };
  for (const [end] of sample.matchAll(/\r\n|\r|\n/g)) counts[{ '\r\n': 'CRLF', '\r': 'CR', '\n': 'LF' }[end]]++;
  const found = Object.entries(counts).filter(([, count]) => count > 0);
  return found.sort(([, a], [, b]) => b - a).map(([name]) => name);
}
