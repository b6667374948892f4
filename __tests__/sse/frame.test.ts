import { AWKWARD_TEXTS } from '../support/random/awkward-texts.js';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createParser, type EventSourceMessage } from 'eventsource-parser';
import fc from 'fast-check';
import { EventSource } from 'undici';
import { toJson } from '../../lib/core/task/payload.js';
import { decodeEvents, encodeEvent, encodeRetry, HEARTBEAT, type Frame } from '../../lib/sse/frame.js';
import { itHolds } from '../support/random/property.js';

const KEY = 'Zk3aB-_0123456789abcdw';

const TEXTS = [...AWKWARD_TEXTS, '😀', '\ud800'];

const NAME = /^[^\p{Cc}\p{Cs}\u2028\u2029]+$/u;
const name = fc.option(
  fc.string({ unit: 'binary', minLength: 1, maxLength: 30 }).filter((text) => NAME.test(text)),
  { nil: undefined },
);
const sent = fc.record({
  event: name,
  seq: fc.maxSafeNat(),
  data: fc.oneof(fc.jsonValue(), fc.string({ unit: 'binary' }), fc.constantFrom(...TEXTS)),
});

/** What a client's parser dispatches for `text`, fed in pieces of `size` characters. */
function parse(text: string, size = text.length): EventSourceMessage[] {
  const messages: EventSourceMessage[] = [];
  const parser = createParser({
    onEvent: (message) => messages.push(message),
    onError: (error) => {
      throw error;
    },
  });
  for (let at = 0; at < text.length; at += size) parser.feed(text.slice(at, at + size));
  return messages;
}

describe('encodeEvent', () => {
  it('writes progress without a name, and the id as the last line', () => {
    expect(encodeEvent(KEY, 1, undefined, '{"step":1,"total":10}')).toBe(
      `data: {"step":1,"total":10}\nid: ${KEY}.1\n\n`,
    );
  });

  it('writes the name first', () => {
    expect(encodeEvent(KEY, 11, 'complete', '{}')).toBe(`event: complete\ndata: {}\nid: ${KEY}.11\n\n`);
  });

  itHolds(
    'writes what decodeEvents and a client read back: names, ids and data the same, one message each',
    [fc.array(sent, { maxLength: 8 }), fc.integer({ min: 1, max: 40 })],
    (events, size) => {
      const frames: Frame[] = events.map(({ event, seq, data }) => ({ event, seq, data: toJson(data, Infinity) }));
      const text = frames.map(({ event, seq, data }) => encodeEvent(KEY, seq, event, data)).join('');
      expect([...decodeEvents(text)]).toEqual(frames);
      const read = frames.map(({ event, seq, data }) => ({ event, data, id: `${KEY}.${seq}` }));
      expect(parse(text)).toEqual(read);
      expect(parse(text, size)).toEqual(read);
    },
    200,
  );
});

describe('decodeEvents', () => {
  it('reads nothing from nothing', () => {
    expect([...decodeEvents('')]).toEqual([]);
  });

  it('reads a value that looks like another field', () => {
    const text = encodeEvent(KEY, 3, 'a: b', '"id: x.9 data: y"');
    expect([...decodeEvents(text)]).toEqual([{ event: 'a: b', data: '"id: x.9 data: y"', seq: 3 }]);
  });
});

describe('Text of a stream that is not an event', () => {
  it('is dispatched by no parser: a retry or a heartbeat', () => {
    let retry: number | undefined;
    const parser = createParser({
      onEvent: () => {
        throw new Error('dispatched');
      },
      onRetry: (ms) => (retry = ms),
      onError: (error) => {
        throw error;
      },
    });
    parser.feed(`${encodeRetry(2_137)}\n${HEARTBEAT}${HEARTBEAT}`);
    expect(retry).toBe(2_137);
  });

  it('may stand between events without changing them', () => {
    const one = encodeEvent(KEY, 1, undefined, '1');
    const two = encodeEvent(KEY, 2, 'x', '2');
    expect(parse(`${encodeRetry(0)}${one}${HEARTBEAT}${two}${encodeRetry(5)}\n`)).toEqual(parse(one + two));
  });
});

describe('A frame on the wire', () => {
  let server: Server;
  let source: EventSource;
  const values = [...TEXTS, { nested: ['"', '\\', '\u0085'] }, null, 0, [[]]];

  beforeEach(async () => {
    server = createServer((_, res) => {
      res.writeHead(200, { 'Content-Type': 'text/event-stream' });
      const frames = values.map((value, i) =>
        encodeEvent(KEY, i + 1, i % 2 ? 'named' : undefined, toJson(value, 1_000)),
      );
      const bytes = Buffer.from(encodeRetry(60_000) + HEARTBEAT + frames.join(HEARTBEAT));
      for (let at = 0; at < bytes.length; at += 7) res.write(bytes.subarray(at, at + 7)); // splits characters and lines
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
  });

  afterEach(async () => {
    source.close();
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });

  it('reaches an EventSource as it was sent', async () => {
    const messages: [string, unknown, string][] = [];
    source = new EventSource(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    await new Promise<void>((resolve) => {
      const note = ({ type, data, lastEventId }: { type: string; data: string; lastEventId: string }): void => {
        messages.push([type, JSON.parse(data), lastEventId]);
        if (messages.length === values.length) resolve();
      };
      source.addEventListener('message', note);
      source.addEventListener('named' as 'message', note);
    });
    expect(messages).toEqual(values.map((value, i) => [i % 2 ? 'named' : 'message', value, `${KEY}.${i + 1}`]));
  });
});
