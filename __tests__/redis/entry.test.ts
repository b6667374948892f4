import { entryId, entryText, eventLines, linesOf, placeOf } from '../../lib/redis/entry.js';

describe('an entry of a stream', () => {
  it.each([
    ['1', 0, 0],
    ['1', 42, 3_640],
    ['17', 999_999_999_999, 2 ** 52],
  ])('is named after its writer and its end: token %s, seq %d, %d bytes', (token, seq, bytes) => {
    expect(placeOf(entryId(token, seq, bytes))).toEqual({ seq, bytes });
  });

  it('comes after all that its writer and those before it have appended, as a stream orders ids', () => {
    const ids = [entryId('1', 9, 900), entryId('1', 10, 950), entryId('2', 10, 950), entryId('2', 11, 1_000)];
    const ordered = ids.map((id) => id.split('-').map(BigInt)) as [bigint, bigint][];
    for (const [index, [ms, rest]] of ordered.slice(1).entries()) {
      const [msBefore, restBefore] = ordered[index]!;
      expect(ms > msBefore || (ms === msBefore && rest > restBefore)).toBe(true);
    }
    expect(ordered[2]![0]).toBeGreaterThan(BigInt(entryId('1', 999_999_999_999, 0).split('-')[0]!));
  });

  it('gives back names and JSON by turns, whatever they hold', () => {
    const events: [string | undefined, string][] = [
      [undefined, '"\\n"'],
      ['named', '{"text":"ü ☃ 😀 \u2028"}'],
      [undefined, '1'],
    ];
    const lines = events.map(([event, json]) => eventLines(event, json)).join('');
    expect(linesOf(entryText(3, 99, 1_700_000_000_000, lines))).toEqual(
      events.flatMap(([event, json]) => [event ?? '', json]),
    );
    expect(linesOf(entryText(0, 0, 1_700_000_000_000, ''))).toEqual([]);
  });
});
