import iconv from 'iconv-lite';
import { gzipSync } from 'node:zlib';
import { useProfiler } from '../support/examples/profiler.js';
import { makeZip } from '../support/examples/zip.js';

const profiler = useProfiler();

const NOISE = Buffer.from(Array.from({ length: 4_000 }, (_, at) => (at * 7_919 + (at >> 3) * 104_729) & 0xff));
const bytes = (...start: (number | string)[]): Buffer =>
  Buffer.concat([
    ...start.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : Buffer.from([part]))),
    NOISE,
  ]);
const office = (main: string, type: string): Buffer =>
  makeZip({
    '[Content_Types].xml': `<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Override PartName="/${main}" ContentType="application/vnd.openxmlformats-officedocument.${type}.main+xml"/></Types>`,
    '_rels/.rels': '<?xml version="1.0"?><Relationships/>',
    [main]: '<?xml version="1.0"?><workbook/>',
  });
const xlsx = office('xl/workbook.xml', 'spreadsheetml.sheet');

describe('a file that is no table in text is refused in one sentence that says what it is', () => {
  it.each([
    ['an Excel workbook', xlsx, /^This is an Excel workbook \(xlsx\), not a table in text\. Save the sheet as CSV/],
    [
      'an Excel workbook of the old kind',
      bytes(0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1),
      /Office document of the old kind/,
    ],
    [
      'a LibreOffice spreadsheet',
      makeZip({ mimetype: 'application/vnd.oasis.opendocument.spreadsheet', 'content.xml': '<x/>' }),
      /LibreOffice spreadsheet/,
    ],
    ['a Word document', office('word/document.xml', 'wordprocessingml.document'), /Word document/],
    ['a ZIP archive with a CSV file in it', makeZip({ 'data.csv': 'a,b\n1,2\n' }), /a ZIP archive/],
    ['a PDF document', bytes('%PDF-1.7\n'), /a PDF document/],
    ['a PNG image', bytes(0x89, 'PNG\r\n', 0x1a, '\n', 0, 0, 0, 13, 'IHDR'), /an image \(png\)/],
    ['a JPEG image', bytes(0xff, 0xd8, 0xff, 0xe0, 0, 16, 'JFIF', 0), /an image \(jpg\)/],
    ['a GIF image', bytes('GIF89a'), /an image \(gif\)/],
    ['a WebP image', bytes('RIFF', 0, 0x10, 0, 0, 'WEBPVP8 '), /an image \(webp\)/],
    ['an MP3 file', bytes('ID3', 3, 0, 0, 0, 0, 0, 0, 0xff, 0xfb), /mp3/],
    ['a film', bytes(0, 0, 0, 0x18, 'ftypisom', 0, 0, 2, 0), /a video \(mp4\)/],
    ['an SQLite database', bytes('SQLite format 3', 0), /an SQLite database/],
    ['a Parquet file', bytes('PAR1', 0x15), /a Parquet file/],
    ['a program', bytes(0x7f, 'ELF', 2, 1, 1), /a Linux program/],
    ['a JSON document', Buffer.from('[{"id": 1, "name": "Ann"}]\n'), /a JSON document/],
    ['lines of JSON', Buffer.from('{"id":1}\n{"id":2}\n'), /a JSON document/],
    ['a web page', Buffer.from('\n<!DOCTYPE html><html><body>Log in</body></html>'), /a web page/],
    ['an XML document', Buffer.from('<?xml version="1.0"?>\n<orders><order/></orders>'), /an XML document/],
    ['an SVG image', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>'), /an SVG image/],
    ['noise', Buffer.concat([Buffer.from([0, 1, 2, 3]), NOISE]), /a binary file of a kind that is not known/],
    ['nothing', Buffer.alloc(0), /^The file is empty$/],
    ['a byte order mark alone', Buffer.from('\uFEFF'), /nothing but blank lines/],
    ['blank lines', Buffer.from('\r\n \n\t\n'), /nothing but blank lines/],
    ['a damaged gzip file', gzipSync(NOISE).subarray(0, 100), /^The gzip file is damaged: /],
    ['a workbook in gzip', gzipSync(xlsx), /an Excel workbook \(xlsx\)/],
    ['gzip in gzip', gzipSync(gzipSync('a,b\n1,2\n')), /a gzip file inside another one/],
    ['gzip of nothing', gzipSync(''), /^The file is empty$/],
  ])('%s', async (_name, content, reason) => {
    const { refused } = await profiler.profile(content);
    expect(refused).toMatch(reason);
    expect(refused).not.toContain('\n');
  });

  it('a text whose first letters are those of a binary format is read', async () => {
    for (const name of ['BM', 'MZ', 'PK', 'ID3', 'GIF89a', 'II', 'RIFF', 'PAR1', '[x]', '{a}']) {
      expect([name, (await profiler.profile(`${name},value\nx,1\ny,2\n`)).rows]).toEqual([name, 2]);
    }
    expect((await profiler.profile(iconv.encode('BM\tWert\r\nÄ\t1\r\n', 'utf-16le', { addBOM: true }))).rows).toBe(1);
  });
});
