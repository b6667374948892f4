// Recognises files that are no delimited text, and says what they are.

/** Files that begin like text, so that nothing but their first bytes gives them away. */
/** @type {[RegExp, string][]} */
const TEXT_FORMATS = [
  [/^%PDF-/, 'a PDF document'],
  [/^\{\\rtf/, 'a rich text document (RTF)'],
  [/^%!PS/, 'a PostScript document'],
  [/^<\?xml[\s\S]{0,2000}<svg|^<svg/i, 'an SVG image'],
  [/^<\?xml[\s\S]{0,2000}(urn:schemas-microsoft-com:office:spreadsheet)/i, 'an Excel workbook (XML)'],
  [/^(<!--[\s\S]{0,2000}-->\s*)?<(!doctype html|html|head|body|table)\b/i, 'a web page (HTML)'],
  [/^<\?xml|^<[a-z][\w:.-]*[\s>/]/i, 'an XML document'],
  [/^-----BEGIN /, 'a certificate or a key (PEM)'],
];

/** Names that people use; `file-type` knows hundreds more by their extension. */
const NAMES = {
  xlsx: 'an Excel workbook (xlsx)',
  xlsm: 'an Excel workbook (xlsm)',
  xltx: 'an Excel template (xltx)',
  ods: 'a LibreOffice spreadsheet (ods)',
  cfb: 'an Office document of the old kind (xls, doc or msg)',
  docx: 'a Word document (docx)',
  pptx: 'a PowerPoint presentation (pptx)',
  zip: 'a ZIP archive',
  gz: 'a gzip file inside another one',
  tar: 'a tar archive',
  sqlite: 'an SQLite database',
  parquet: 'a Parquet file',
  exe: 'a Windows program (exe)',
  elf: 'a Linux program (ELF)',
};
const SPREADSHEETS = new Set(['xlsx', 'xlsm', 'xltx', 'ods', 'cfb']);

/** Control characters that text does not have; tab, line breaks, form feed, Ctrl-Z and escape it may. */
// eslint-disable-next-line no-control-regex -- these are what is looked for
const CONTROL = /[\x00-\x08\x0b\x0e-\x19\x1c-\x1f]/g;
const MOST_CONTROL = 1 / 200;

/**
 * @param {Buffer} head the first bytes of the file
 * @param {string} text the same, decoded
 * @returns {Promise<string | undefined>} why it cannot be read as a table, or undefined where it is text
 */
export async function refusalOf(head, text) {
  const start = text.trimStart();
  const format = TEXT_FORMATS.find(([pattern]) => pattern.test(start));
  if (format) return `This is ${format[1]}, not a table in text.`;
  if (isJson(start)) return 'This is a JSON document, not a table in text.';
  if ((text.match(CONTROL)?.length ?? 0) <= text.length * MOST_CONTROL) return undefined;

  const { fileTypeFromBuffer } = await import('file-type'); // only where there is something to recognise
  const type = await fileTypeFromBuffer(head).catch(() => undefined);
  if (type === undefined) return 'This is a binary file of a kind that is not known here, not a table in text.';
  const { ext, mime } = type;
  const name = NAMES[ext] ?? `${nounOf(mime)} (${ext})`;
  const advice = SPREADSHEETS.has(ext) ? ' Save the sheet as CSV and send that.' : '';
  return `This is ${name}, not a table in text.${advice}`;
}

/** `[` and `{` may also begin a cell, so what follows them has to be JSON's as well. */
function isJson(start) {
  return /^\{\s*("([^"\\\n]|\\.)*"\s*:|\})/.test(start) || /^\[\s*([{[\]"]|-?\d[\d.]*\s*[,\]])/.test(start);
}

function nounOf(mime) {
  const [family] = mime.split('/');
  const nouns = { image: 'an image', audio: 'an audio file', video: 'a video', font: 'a font' };
  return nouns[family] ?? 'a binary file';
}
