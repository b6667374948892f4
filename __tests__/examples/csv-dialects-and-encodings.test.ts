import iconv from 'iconv-lite';
import { gzipSync } from 'node:zlib';
import { tableText as table, useProfiler, type Profile } from '../support/examples/profiler.js';

const { encode } = iconv;

const profiler = useProfiler();

/** A small table of people in the way of real exports; the letters beyond ASCII are there to go wrong. */
const PEOPLE = [
  ['name', 'city', 'born', 'score'],
  ['Zoë Müller', 'Köln', '1984-02-29', '12.5'],
  ['José Núñez', 'Málaga', '1990-12-31', '7'],
  ['Åse Østby', 'Tromsø', '2001-06-15', '-3.25'],
];

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
