import iconv from 'iconv-lite';
import { tableText as table, useProfiler } from '../support/examples/profiler.js';

const { encode } = iconv;

const profiler = useProfiler();

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
