import { tableText as table, useProfiler } from '../support/examples/profiler.js';

const profiler = useProfiler();

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
