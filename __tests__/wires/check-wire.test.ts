import type { Wire } from '../../lib/sse/wire.js';
import { checkWire } from '../../lib/testing/index.js';

/** A wire as somebody would write it who has read nothing but the docs. */
const LINES: Wire = {
  name: 'lines',
  event: (id, { name = 'line', json }) => `event: ${name}\ndata: ${json}\nid: ${id}\n\n`,
  end: (id, { status }) => `event: ${status}\ndata: over\nid: ${id}\n\n`,
  gap: (id, { from, to }) => `event: missing\ndata: ${from}-${to}\nid: ${id}\n\n`,
};

const sum = {
  fold: () => {
    const seen: unknown[] = [];
    return {
      add: (data: unknown) => {
        if (seen.length < 100) seen.push(data);
      },
      toJson: () => JSON.stringify(seen),
      restore: (json: string) => void seen.splice(0, seen.length, ...(JSON.parse(json) as unknown[])),
    };
  },
  snapshot: ({ seq }: { seq: number }, idAt: (seq: number) => string) => `data: so far\nid: ${idAt(seq)}\n\n`,
};

describe('the kit for wires', () => {
  it('finds no fault in a correct wire, with or without a fold', () => {
    expect(checkWire(LINES)).toEqual([]);
    expect(checkWire({ ...LINES, ...sum })).toEqual([]);
  });

  it.each<[string, Partial<Wire>, RegExp]>([
    ['a name with a space', { name: 'my wire' }, /^name: /],
    ['a header that every stream has', { headers: { 'content-type': 'text/plain' } }, /^headers: content-type/],
    ['a header that would forge another', { headers: { 'x-a': 'b\r\nx-c: d' } }, /^headers: x-a/],
    ['a media type that is none', { accepts: ['json'] }, /^accepts: json/],
    ['an event without an id', { event: (_id, { json }) => `data: ${json}\n\n` }, /expected the id .* got none/],
    ['an event with two ids', { event: (id) => `id: ${id}\ndata: 1\nid: ${id}\n\n` }, /expected the id/],
    ['an id before the last frame', { event: (id) => `data: 1\nid: ${id}\n\ndata: 2\n\n` }, /not in its last frame/],
    ['an id of its own', { event: (_id, { seq }) => `data: 1\nid: ${seq}\n\n` }, /expected the id/],
    ['half a frame', { event: (id, { json }) => `data: ${json}\nid: ${id}\n` }, /does not end with an empty line/],
    [
      'data that is not on one line',
      { event: (id, { json }) => `data: ${String(JSON.parse(json))}\nid: ${id}\n\n` },
      /expected the id|forged/,
    ],
    [
      'what no parser knows',
      { event: (id, { json }) => `value: ${json}\nid: ${id}\n\n` },
      /is no event stream: .*value/,
    ],
    ['an end that throws', { end: () => JSON.parse('') as string }, /^end .*throws SyntaxError/],
    ['a counter', { event: counting() }, /says something else the second time/],
    ['a gap without an id', { gap: () => ': gap\n\n' }, /^gap trimmed: expected the id/],
    ['a prelude that moves the position', { prelude: () => 'data: 1\nid: x.99\n\n' }, /^prelude: moves the position/],
    ['a prelude that is half a frame', { prelude: () => 'data: 1\n' }, /^prelude: does not end/],
    ['a fold that nobody can frame', { fold: sum.fold }, /^fold: is of no use/],
    [
      'a snapshot that ends too early',
      { ...sum, snapshot: (_s, idAt) => `data: 1\nid: ${idAt(1)}\n\n` },
      /last id is 1/,
    ],
    [
      'a fold that grows for ever',
      {
        ...sum,
        fold: () => {
          const all: unknown[] = [];
          const fold = sum.fold();
          return { ...fold, add: (data) => void all.push(data), toJson: () => JSON.stringify(all) };
        },
      },
      /grows beyond its limit/,
    ],
  ])('finds %s', (_what, changed, expected) => {
    expect(checkWire({ ...LINES, ...changed })).toContainEqual(expect.stringMatching(expected));
  });
});

function counting(): Wire['event'] {
  let calls = 0;
  return (id) => `data: ${calls++}\nid: ${id}\n\n`;
}
