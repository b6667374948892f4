import iconv from 'iconv-lite';
import { gzipSync } from 'node:zlib';
import { startProfiler, type Profile, type Profiler } from '../support/profiler.js';

const { encode } = iconv;

let profiler: Profiler;
beforeAll(() => {
  profiler = startProfiler();
});
afterAll(() => profiler.stop());

/** A small table of people in the way of real exports; the letters beyond ASCII are there to go wrong. */
const PEOPLE = [
  ['name', 'city', 'born', 'score'],
  ['Zoë Müller', 'Köln', '1984-02-29', '12.5'],
  ['José Núñez', 'Málaga', '1990-12-31', '7'],
  ['Åse Østby', 'Tromsø', '2001-06-15', '-3.25'],
];
const table = (rows: string[][], delimiter = ',', eol = '\n'): string =>
  rows.map((row) => row.join(delimiter) + eol).join('');

/** Everybody is there, and nobody under a wrong name. */
function expectPeople(profile: Profile): void {
  expect(profile).toMatchObject({ rows: 3, bad: [], header: true });
  expect(profile.profile.map(({ name, type }) => [name, type])).toEqual([
    ['name', 'text'],
    ['city', 'text'],
    ['born', 'date'],
    ['score', 'number'],
  ]);
  expect(profile.profile[0]!.top.map(({ value }) => value)).toEqual(['Zoë Müller', 'José Núñez', 'Åse Østby']);
  expect(profile.profile[3]).toMatchObject({ min: -3.25, max: 12.5, mean: 5.41666666667 });
}

describe('a table is the same table', () => {
  it.each([',', ';', '\t', '|'])('with %j between its cells', async (delimiter) => {
    const profile = await profiler.profile(table(PEOPLE, delimiter));
    expectPeople(profile);
    expect(profile.delimiter).toBe(delimiter);
  });

  it.each(['utf-8', 'utf-16le', 'utf-16be', 'windows-1252'])('in %s, without a mark', async (encoding) => {
    const profile = await profiler.profile(encode(table(PEOPLE, ';', '\r\n'), encoding));
    expectPeople(profile);
    expect(profile).toMatchObject({ encoding, encoding_by: 'detected' });
  });

  it.each(['utf-8', 'utf-16le', 'utf-16be', 'utf-32le', 'utf-32be'])(
    'in %s, with a byte order mark',
    async (encoding) => {
      const profile = await profiler.profile(encode(`\uFEFF${table(PEOPLE, '\t', '\r\n')}`, encoding));
      expectPeople(profile);
      expect(profile).toMatchObject({ encoding, encoding_by: 'byte order mark' });
    },
  );

  it.each(['windows-1252', 'macroman', 'cp850', 'utf-16le'])('in %s, as its sender declares', async (encoding) => {
    const profile = await profiler.profile(encode(table(PEOPLE), encoding), encoding);
    expectPeople(profile);
    expect(profile).toMatchObject({ encoding, encoding_by: 'declared' });
  });

  it.each([
    ['LF', '\n'],
    ['CRLF', '\r\n'],
    ['CR', '\r'],
  ])('with %s at the end of its lines', async (name, eol) => {
    const profile = await profiler.profile(table(PEOPLE, ',', eol));
    expectPeople(profile);
    expect(profile.line_ends).toEqual([name]);
  });

  const [header, ...people] = PEOPLE as [string[], ...string[][]];
  it.each([
    ['a CRLF header over LF rows', table([header], ',', '\r\n') + table(people)],
    ['an LF header over CRLF rows', table([header]) + table(people, ',', '\r\n')],
    ['every kind of line end', table([header], ',', '\r') + table([people[0]!], ',', '\r\n') + table(people.slice(1))],
    ['no line end after the last row', table(PEOPLE).trimEnd()],
    ['blank lines between', table(PEOPLE).replaceAll('\n', '\n\n')],
    ['all cells in quotes', table(PEOPLE.map((row) => row.map((cell) => `"${cell}"`)))],
    ['spaces around the quotes at the end', table(PEOPLE.map((row) => row.map((cell) => `"${cell}" `)))],
    ['single quotes', table(PEOPLE.map((row) => row.map((cell) => `'${cell}'`)))],
    ['a sep= line', `sep=;\r\n${table(PEOPLE, ';', '\r\n')}`],
    ['a sep= line in quotes', `"sep=;"\r\n${table(PEOPLE, ';', '\r\n')}`],
    ['a sep= line with a delimiter that nobody would guess', `sep=^\n${table(PEOPLE, '^')}`],
    [
      'a delimiter at the end of each line',
      table(
        PEOPLE.map((row) => [...row, '']),
        ';',
      ),
    ],
    [
      'a delimiter at the end of each row, but not of the header',
      table([header]) + table(people.map((row) => [...row, ''])),
    ],
    ['the mark at which DOS ends its files', `${table(PEOPLE, ';', '\r\n')}\x1a`],
    ['white space around the cells', table(PEOPLE.map((row) => row.map((cell) => `  ${cell} `)))],
  ])('with %s', async (_name, text) => expectPeople(await profiler.profile(text)));

  it('packed with gzip, in one piece or in several, whatever is inside', async () => {
    const packed = gzipSync(table(PEOPLE));
    expect(await profiler.profile(packed)).toMatchObject({ gzip: true });
    expectPeople(await profiler.profile(packed));
    expectPeople(await profiler.profile(gzipSync(encode(`\uFEFF${table(PEOPLE, '\t')}`, 'utf-16le'))));
    expectPeople(await profiler.profile(Buffer.concat([gzipSync(table([header])), gzipSync(table(people))])));
  });
});

describe('other alphabets', () => {
  const RUSSIAN = [
    'Москва',
    'Санкт-Петербург',
    'Новосибирск',
    'Екатеринбург',
    'Нижний Новгород',
    'Казань',
    'Челябинск',
  ];
  const JAPANESE = ['東京都千代田区', '大阪市北区梅田', 'おおさか', 'カタカナとひらがな', '横浜みなとみらい', '札幌'];
  const CHINESE = ['北京市朝阳区', '上海浦东新区', '广州天河', '深圳南山科技园', '杭州西湖', '中文编码测试'];
  const KOREAN = ['서울특별시', '부산광역시', '대한민국', '안녕하세요', '인천광역시', '한국어 문장입니다'];
  const GREEK = ['Αθήνα', 'Θεσσαλονίκη', 'Πάτρα', 'Ηράκλειο', 'Λάρισα', 'Βόλος'];
  const HEBREW = ['ירושלים', 'תל אביב', 'חיפה', 'באר שבע', 'נתניה', 'אשדוד'];
  const TAIWANESE = ['台北市信義區', '高雄市前鎮區', '台中市西屯區', '台南市安平區', '桃園市中壢區', '新竹市東區'];
  it.each([
    ['windows-1251', RUSSIAN],
    ['koi8-r', RUSSIAN],
    ['shift_jis', JAPANESE],
    ['euc-jp', JAPANESE],
    ['gb18030', CHINESE],
    ['euc-kr', KOREAN],
    ['windows-1253', GREEK],
    ['windows-1255', HEBREW],
    ['big5', TAIWANESE],
  ])('%s is found out by its letters', async (encoding, cities) => {
    const rows = [...cities, ...cities].map((city, at) => [String(at), city, '12.5']);
    const profile = await profiler.profile(encode(table([['id', 'city', 'price'], ...rows]), encoding));
    expect(profile.bad).toEqual([]);
    expect(profile.profile[1]!.top[0]!.value).toBe(cities[0]);
    expect(profile.profile[1]!.distinct).toBe(cities.length);
  });

  it.each([
    'Preis: 5 € – „günstig“',
    'L’été à Besançon, crème brûlée',
    'Ærø, Ångström, smørrebrød',
    'São João del-Rei, Brasil',
    '½ Maß',
    'Zoë Müller, Köln',
    'José Núñez, Málaga',
  ])('Windows-1252 is not taken for another one: %s', async (text) => {
    const profile = await profiler.profile(encode(`id;text\n1;${text}\n2;${text}\n`, 'windows-1252'));
    expect(profile).toMatchObject({ encoding: 'windows-1252', bad: [] });
    expect(profile.profile[1]!.top[0]).toMatchObject({ value: text, count: 2 });
  });

  it('the first letter beyond ASCII may stand in the last of many rows', async () => {
    const rows = Array.from({ length: 30_000 }, (_, at) => [String(at), 'plain']);
    const text = table([['id', 'name'], ...rows, ['30000', 'Jürgen']]);
    const profile = await profiler.profile(encode(text, 'windows-1252'));
    expect(profile).toMatchObject({ encoding: 'windows-1252', rows: 30_001, bad: [] });
    expect((await profiler.profile(text)).encoding).toBe('utf-8');
  });
});

describe('rows that are bad', () => {
  it.each([
    [
      'too few and too many cells',
      'a,b\n1,2\n3\n4,5,6\n7,8\n',
      4,
      [
        [3, '2 fields expected, 1 found'],
        [4, '2 fields expected, 3 found'],
      ],
    ],
    ['a footer', 'a;b;c\n1;2;3\n4;5;6\n(2 rows)\n', 3, [[4, '3 fields expected, 1 found']]],
    [
      'an unterminated quote in the middle',
      'a,b\n1,"x\n2,y\n3,"z"\n4,w\n',
      4,
      [[2, 'a quote opens here and never closes']],
    ],
    ['an unterminated quote in the last row', 'a,b\n1,x\n2,"y', 2, [[3, 'a quote opens here and never closes']]],
    [
      'a quote that takes its neighbours with it',
      'a,b,c\n1,"x,2,"y"\n4,5,6\n',
      2,
      [[2, '3 fields expected, 2 found (is a quote missing?)']],
    ],
    [
      'unterminated quotes in two rows',
      'a,b\n1,"x\n2,"y\n3,z\n',
      3,
      [
        [2, 'a quote opens here and never closes'],
        [3, 'a quote opens here and never closes'],
      ],
    ],
    [
      'a cell of several lines that lacks a neighbour',
      'a,b,c\n1,2,3\n4,"x\ny\nz"\n5,6,7\n',
      3,
      [[3, '3 fields expected, 2 found (lines 3 to 5 are one row: is a quote missing?)']],
    ],
    ['rows after cells of several lines', 'a,b\n1,"x\r\ny"\r\n2\r\n3,z\r\n', 3, [[4, '2 fields expected, 1 found']]],
    ['rows after blank lines and a sep= line', 'sep=,\n\na,b\n\n1,2\n3\n', 2, [[6, '2 fields expected, 1 found']]],
  ] as [string, string, number, [number, string][]][])('%s', async (_name, text, rows, bad) => {
    expect(await profiler.profile(text)).toMatchObject({ rows, bad });
  });

  it('a row with bytes that are no UTF-8, in a file that is', async () => {
    const good = 'name,city\nZoë,Köln\nJosé,Málaga\nÅse,Tromsø\n';
    const content = Buffer.concat([
      Buffer.from(good),
      encode('Jürgen,Bonn\n', 'windows-1252'),
      Buffer.from('Ève,Évian\n'),
    ]);
    expect(await profiler.profile(content)).toMatchObject({
      encoding: 'utf-8',
      rows: 5,
      bad: [[5, 'name is not valid UTF-8']],
    });
  });

  it('a replacement character that the file itself has is no bad encoding', async () => {
    expect(await profiler.profile('name,city\nZo\uFFFD,Köln\n')).toMatchObject({ encoding: 'utf-8', bad: [] });
  });

  it('a file that says it is UTF-8 and is not has a bad row where it is not', async () => {
    const content = encode('name,city\nJürgen,Bonn\nAnn,Rome\n', 'windows-1252');
    expect(await profiler.profile(content, 'utf-8')).toMatchObject({ rows: 2, bad: [[2, 'name is not valid UTF-8']] });
  });

  it('a line longer than 1 MiB, with quotes or without, and the rows after it are read', async () => {
    const long = 'x'.repeat(3 * 2 ** 20);
    expect(await profiler.profile(`a,b\n1,2\n${long}\n3,4\n`)).toMatchObject({
      rows: 3,
      bad: [[3, 'the line is longer than 1 MiB']],
    });
    const { rows, bad } = await profiler.profile(`a,b\n1,2\n5,"${`x\n`.repeat(2 ** 20)}3,4\n`);
    expect(bad[0]).toEqual([3, 'a quote opens here and never closes']);
    expect(rows).toBe(2 ** 20 + 2);
  });

  it('a file in which quotes never close is read without them, and soon enough', async () => {
    const { rows, bad } = await profiler.profile(`size,part\n${'"5,pipe\n"7,tube\n'.repeat(5_000)}`);
    expect(rows).toBe(10_000);
    expect(bad.length).toBeLessThan(1_000);
  });
});

describe('the shape of the table', () => {
  const names = async (text: string): Promise<[boolean, string[], number]> => {
    const { header, profile, rows } = await profiler.profile(text);
    return [header, profile.map(({ name }) => name), rows];
  };
  it.each([
    ['no header where the first row is data', '1,2.5,x\n2,3.5,y\n', [false, ['column 1', 'column 2', 'column 3'], 2]],
    ['no header where the first row comes again', 'x,y\nx,z\nx,y\n', [false, ['column 1', 'column 2'], 3]],
    [
      'a header of years',
      'country,2021,2022,2023\nDE,1.5,2.5,3.5\nFR,4,5,6\n',
      [true, ['country', '2021', '2022', '2023'], 2],
    ],
    ['a header alone', 'id,name,city\n', [true, ['id', 'name', 'city'], 0]],
    [
      'names that come twice, or not at all',
      'id,name,name,\n1,a,b,c\n',
      [true, ['id', 'name', 'name (2)', 'column 4'], 1],
    ],
    ['a name over two lines', '"id","full\nname"\n1,"Ann"\n', [false, ['column 1', 'column 2'], 2]],
    ['one column', 'e-mail\na@x.example\nb@x.example\n', [true, ['e-mail'], 2]],
    ['one column of numbers', '5\n7\n9\n', [false, ['column 1'], 3]],
    [
      'text with commas in one column',
      'remark\nHello, world\nOne, two, three, four\nNo comma\nYes, one\nnone\n',
      [true, ['remark'], 5],
    ],
    ['decimal commas between semicolons', 'x;y\n1,5;2,5\n3,5;4,5\n', [true, ['x', 'y'], 2]],
    ['decimal commas between semicolons, without a header', '1,5;2,5\n3,5;4,5\n', [false, ['column 1', 'column 2'], 2]],
    ['names with commas between semicolons', 'name;n\n"Smith, John";1\nDoe, Jane;2\n', [true, ['name', 'n'], 2]],
    ['pipes with commas inside', 'id|tags\n1|a,b,c\n2|d,e,f\n', [true, ['id', 'tags'], 2]],
  ] as [string, string, [boolean, string[], number]][])('%s', async (_name, text, expected) => {
    expect(await names(text)).toEqual(expected);
  });

  it('what a bank writes above its table is skipped', async () => {
    const text = [
      'Kontoauszug',
      'Konto;DE02 1203 0000 0000 2020 51',
      '',
      'Buchung;Zweck;Betrag;Saldo',
      '31.01.2025;Miete;-850,00;1.234,56',
      '01.02.2025;"Gehalt; Januar";2.500,00;3.734,56',
    ].join('\r\n');
    const profile = await profiler.profile(encode(text, 'windows-1252'));
    expect(profile).toMatchObject({ skipped_lines: 3, header: true, rows: 2, bad: [], delimiter: ';' });
    expect(profile.profile.map(({ name, type, min, max }) => [name, type, min, max])).toEqual([
      ['Buchung', 'date', '2025-01-31', '2025-02-01'],
      ['Zweck', 'text', undefined, undefined],
      ['Betrag', 'number', -850, 2500],
      ['Saldo', 'number', 1234.56, 3734.56],
    ]);
  });

  it('quotes are doubled or escaped with a backslash, and cells hold line breaks', async () => {
    const doubled = await profiler.profile('a,b\n1,"She said ""hi"", and left"\n2,"line\nbreak"\n');
    expect(doubled).toMatchObject({ rows: 2, bad: [] });
    expect(doubled.profile[1]!.top.map(({ value }) => value)).toEqual(['She said "hi", and left', 'line\nbreak']);
    const escaped = await profiler.profile('a,b\n1,"She said \\"hi\\", and left"\n2,"x"\n');
    expect(escaped.profile[1]!.top[0]!.value).toBe('She said "hi", and left');
    const stray = await profiler.profile('a,b\n1,5" pipe\n2,"a"b"\n3,7" pipe\n');
    expect(stray).toMatchObject({ rows: 3, bad: [] });
  });

  it('a table of a thousand columns is read, and the first two hundred are profiled', async () => {
    const row = Array.from({ length: 1_000 }, (_, at) => String(at));
    const profile = await profiler.profile(table([row.map((at) => `c${at}`), row, row.slice(1)]));
    expect(profile).toMatchObject({ columns: 1_000, rows: 2, bad: [[3, '1000 fields expected, 999 found']] });
    expect(profile.profile).toHaveLength(200);
  });
});

describe('the type of a column', () => {
  it.each([
    ['integers', ['1', '-20', '+3'], { type: 'integer', min: -20, max: 3, mean: -5.33333333333 }],
    ['numbers', ['1.5', '2', '1e3'], { type: 'number', min: 1.5, max: 1000 }],
    ['numbers in thousands', ['1,234.50', '12,345,678.00'], { type: 'number', min: 1234.5, max: 12345678 }],
    ['numbers with a decimal comma', ['1.234,50', '7,25'], { type: 'number', min: 7.25, max: 1234.5 }],
    ['amounts of money', ['€ 12.50', '$7', '1.00 EUR', '-£3.20'], { type: 'number', min: -3.2, max: 12.5 }],
    ['percentages', ['5%', '12.5 %'], { type: 'number', min: 5, max: 12.5 }],
    ['codes with leading zeros', ['00123', '04109', '99999'], { type: 'text' }],
    ['booleans', ['true', 'FALSE', 'True'], { type: 'boolean', distinct: 3 }],
    ['yes and no', ['yes', 'no', 'Yes'], { type: 'boolean' }],
    ['days', ['2025-01-31', '2024-02-29'], { type: 'date', min: '2024-02-29', max: '2025-01-31' }],
    ['days with the day first', ['31/01/2025', '01/02/2025'], { type: 'date', min: '2025-01-31', max: '2025-02-01' }],
    ['days with the month first', ['01/31/2025', '02/01/2025'], { type: 'date', min: '2025-01-31', max: '2025-02-01' }],
    ['days with dots', ['31.1.2025', '1.12.2024'], { type: 'date', min: '2024-12-01', max: '2025-01-31' }],
    [
      'days with the name of the month',
      ['31-Jan-2025', '5 Feb 2024'],
      { type: 'date', min: '2024-02-05', max: '2025-01-31' },
    ],
    [
      'moments',
      ['2025-01-31T10:00:00Z', '2025-01-31 11:30:00+02:00'],
      { type: 'timestamp', min: '2025-01-31T09:30:00.000Z' },
    ],
    ['texts', ['one', 'two', 'three'], { type: 'text', longest: { length: 5, value: 'three', line: 4 } }],
    ['texts and numbers', ['one', '2', 'three'], { type: 'text' }],
    ['nothing', ['', 'NULL', 'N/A'], { type: 'empty', filled: 0, empty: 3, top: [] }],
    ['addresses', ['10.0.0.1', '192.168.1.254'], { type: 'text' }],
    ['telephone numbers', ['+49 221 123456', '0221-123456'], { type: 'text' }],
    [
      'identifiers too long for a number',
      ['12345678901234567890', '12345678901234567891'],
      { type: 'text', distinct: 2 },
    ],
  ] as [string, string[], object][])('%s', async (_name, cells, expected) => {
    const { profile } = await profiler.profile(
      table([['k', 'v'], ...cells.map((cell, at) => [`k${at}`, `"${cell}"`])]),
    );
    expect(profile[1]).toMatchObject(expected);
  });

  it('is that of nine values in ten; the first of the others is told with its line', async () => {
    const rows = Array.from({ length: 40 }, (_, at) => [String(at), at === 17 ? 'soon' : '2025-03-01']);
    const { profile } = await profiler.profile(table([['id', 'due'], ...rows]));
    expect(profile[1]).toMatchObject({ type: 'date', filled: 40, others: { count: 1, line: 19, value: 'soon' } });
  });

  it('counts distinct values exactly while they are few, then within three percent, with the frequent ones', async () => {
    const rows: string[] = ['id,kind,word'];
    for (let at = 0; at < 150_000; at++)
      rows.push(`${String(at)},${at % 7 === 0 ? 'often' : `rare ${String(at)}`},${String(at % 300)}w`);
    const { profile, bad } = await profiler.profile(rows.join('\n'));
    expect(bad).toEqual([]);
    const [id, kind, word] = profile;
    expect(word).toMatchObject({ distinct: 300, distinct_exact: true });
    expect(word!.top[0]).toMatchObject({ count: 500, at_most: 500 });
    expect(id!.distinct_exact).toBe(false);
    expect(Math.abs(id!.distinct / 150_000 - 1)).toBeLessThan(0.03);
    expect(kind!.top[0]!.value).toBe('often');
    expect(kind!.top[0]!.count).toBeLessThanOrEqual(21_429);
    expect(kind!.top[0]!.at_most).toBeGreaterThanOrEqual(21_429);
  });
});
