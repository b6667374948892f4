import { createParser } from 'eventsource-parser';
import fc from 'fast-check';
import { createEventParser, type ParsedEvent } from '../../lib/sse/event-parser.js';

/** What our parser makes of pieces. */
function parse(pieces: readonly string[]): { events: ParsedEvent[]; retries: number[] } {
  const events: ParsedEvent[] = [];
  const retries: number[] = [];
  const feed = createEventParser(
    (event) => events.push(event),
    (ms) => retries.push(ms),
  );
  for (const piece of pieces) feed(piece);
  return { events, retries };
}

/** What eventsource-parser makes of them. */
function parseByOther(pieces: readonly string[]): typeof result {
  const result = { events: [] as ParsedEvent[], retries: [] as number[] };
  const parser = createParser({
    onEvent: ({ event, data, id }) => result.events.push({ event, data, id }),
    onRetry: (ms) => result.retries.push(ms),
  });
  for (const piece of pieces) parser.feed(piece);
  return result;
}

const FIELDS = [
  'data',
  'data:',
  'data: x',
  'data:  x',
  'event: e',
  'event:',
  'id: 1',
  'id',
  'id: \0',
  'retry: 20',
  'retry: x',
];
const line = fc.constantFrom(...FIELDS, ': comment', 'foo: bar', 'da', 'data: a:b', '', '', '', 'data: \u2028é🥊');
const ending = fc.constantFrom('\n', '\n', '\r\n', '\r');

it('the parser gives the same events as eventsource-parser, wherever the text is cut', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(line, ending)), fc.array(fc.nat(200)), (lines, cuts) => {
      const text = `${lines.map(([content, end]) => content + end).join('')}\n`;
      const places = [0, ...cuts.map((cut) => Math.min(cut, text.length)).sort((a, b) => a - b), text.length];
      const pieces = places.slice(1).map((place, at) => text.slice(places[at], place));
      expect(parse(pieces)).toEqual(parseByOther(pieces));
    }),
    { numRuns: 2_000 },
  );
});

it('the parser discards an event that is incomplete at the end of its stream', () => {
  expect(parse(['data: whole\n\ndata: half\n']).events).toEqual([{ event: undefined, data: 'whole', id: undefined }]);
});

it('the parser reports how much it holds back, and does not search all of it again for each piece', () => {
  const feed = createEventParser(
    () => undefined,
    () => undefined,
  );
  let held = 0;
  for (let count = 0; count < 100_000; count++) held = feed('x'.repeat(100));
  expect(held).toBe(10_000_000);
  expect(feed('\n\n')).toBe(0);
});
