import fc from 'fast-check';
import type { Wire } from '../../lib/sse/wire.js';
import { AG_UI } from '../../lib/wires/ag-ui.js';
import { MessageFold } from '../../lib/wires/message-fold.js';
import { UI_MESSAGE_STREAM } from '../../lib/wires/ui-message-stream.js';
import { isCollected } from '../support/processes/garbage.js';
import { announceSeed } from '../support/random/random.js';

type Event = Record<string, unknown>;

const seed = announceSeed('message fold');
const TASK = { taskId: 't', slot: undefined };
const idAt = (seq: number): string => `k.${seq}`;

/** The data of all frames. */
const dataOf = (text: string): Event[] =>
  [...text.matchAll(/^data: (.*)$/gm)].map(([, json = '']) => JSON.parse(json) as Event);

/** What a client has that got `events` up to `after` live, then the snapshot of all of them. */
function received(wire: Wire, events: readonly Event[], after: number): Event[] {
  const fold = wire.fold!(1_000_000);
  events.forEach((event, index) => fold.add(event, index + 1));
  const snapshot = { json: fold.toJson()!, seq: events.length, after };
  const live = events.slice(0, after).map((event, index) => {
    return wire.event(idAt(index + 1), { seq: index + 1, name: undefined, json: JSON.stringify(event) }, TASK);
  });
  return dataOf(live.join('') + wire.snapshot!(snapshot, idAt, TASK));
}

/** A message as far as text goes: pieces of one text that follow each other are one. */
function joined(events: readonly Event[]): Event[] {
  const result: Event[] = [];
  for (const event of events) {
    const last = result.at(-1);
    const same = last !== undefined && last.type === event.type && last.id === event.id && 'delta' in event;
    if (same) result[result.length - 1] = { ...last, delta: `${String(last.delta)}${String(event.delta)}` };
    else result.push(event);
  }
  return result;
}

describe('the fold of a message', () => {
  it('holds nothing of a message that is longer than a late client may be given', async () => {
    const fold = new MessageFold(
      { textMemberOf: () => 'text', groupOf: () => undefined, passesBy: () => false },
      1_000,
    );
    const isForgotten = isCollected(() => {
      const held = {};
      fold.add({ text: 'a', held }, 1);
      fold.add({ text: 'b'.repeat(2_000), held }, 2);
      return held;
    });
    expect(await isForgotten).toBe(true);
    expect(fold.toJson()).toBeUndefined();
  });

  it('gives the rest of the message to a client that has any beginning of it', () => {
    const text = fc.stringMatching(/^[a-zü☃\n"]{0,6}$/);
    const chunk = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({ type: fc.constant('text-delta'), id: fc.constantFrom('0', '1'), delta: text }),
      },
      fc.record({ type: fc.constant('reasoning-delta'), id: fc.constantFrom('0', '1'), delta: text }),
      fc.record({ type: fc.constantFrom('text-start', 'text-end'), id: fc.constantFrom('0', '1') }),
    );
    const property = fc.property(fc.array(chunk, { minLength: 1, maxLength: 40 }), fc.nat(40), (chunks, cut) => {
      const events: Event[] = [{ type: 'start', messageId: 'm' }, ...chunks];
      const after = Math.min(cut, events.length);
      expect(joined(received(UI_MESSAGE_STREAM, events, after))).toEqual(joined(events));
    });
    fc.assert(property, { seed, numRuns: 500 });
  });

  it.each([UI_MESSAGE_STREAM, AG_UI])(
    'keeps events whose type is the name of a member of every object: $name',
    (wire) => {
      const events = ['constructor', '__proto__', 'toString'].map((type) => ({ type, id: '1', delta: 'x' }));
      expect(received(wire, events, 0).slice(1)).toEqual(events);
    },
  );

  it('is the same after it went on from a stored state', () => {
    const events = Array.from({ length: 50 }, (_, n) => ({
      type: 'text-delta',
      id: n % 20 < 15 ? 'a' : 'b',
      delta: `${n} `,
    }));
    const whole = UI_MESSAGE_STREAM.fold!(10_000);
    events.forEach((event, index) => whole.add(event, index + 1));
    for (let split = 0; split <= events.length; split++) {
      const first = UI_MESSAGE_STREAM.fold!(10_000);
      events.slice(0, split).forEach((event, index) => first.add(event, index + 1));
      const second = UI_MESSAGE_STREAM.fold!(10_000);
      second.restore(first.toJson()!);
      events.slice(split).forEach((event, index) => second.add(event, split + index + 1));
      expect(second.toJson()).toBe(whole.toJson());
    }
  });

  it('keeps pieces apart that hold more than text, and pieces with an event between them', () => {
    const events: Event[] = [
      { type: 'start' },
      { type: 'text-delta', id: '0', delta: 'a' },
      { type: 'text-delta', id: '0', delta: 'b', providerMetadata: { p: 1 } },
      { type: 'text-delta', id: '0', delta: 'c' },
    ];
    expect(received(UI_MESSAGE_STREAM, events, 0)).toEqual(events);
    const fold = UI_MESSAGE_STREAM.fold!(1_000);
    fold.add({ type: 'text-delta', id: '0', delta: 'a' }, 1);
    fold.add({ type: 'text-delta', id: '0', delta: 'b' }, 3); // event 2 had a name
    expect(JSON.parse(fold.toJson()!)).toHaveLength(2);
  });

  it('keeps nothing that the job changes later', () => {
    const fold = UI_MESSAGE_STREAM.fold!(1_000);
    const part = { type: 'tool-output-available', toolCallId: 'c', output: { n: 1 } };
    fold.add(part, 1);
    part.output.n = 2;
    expect(fold.toJson()).toContain(String.raw`\"n\":1`);
  });

  it('keeps the first place and the last data of a data part that is sent again', () => {
    const part = (id: string, data: number): Event => ({ type: 'data-bar', id, data });
    const events = [{ type: 'start' }, part('a', 1), part('b', 1), part('a', 2), part('a', 3), part('b', 2)];
    expect(received(UI_MESSAGE_STREAM, events, 0)).toEqual([
      { type: 'start' },
      part('a', 1),
      part('b', 1),
      part('a', 3),
      part('b', 2),
    ]);
    const live = [{ type: 'start' }, { type: 'data-bar', data: 1, transient: true }];
    expect(received(UI_MESSAGE_STREAM, live, 0)).toEqual([{ type: 'start' }]);
  });

  it('takes no more room for a million updates of one part than for one', () => {
    const fold = UI_MESSAGE_STREAM.fold!(1_000);
    for (let seq = 1; seq <= 100_000; seq++) fold.add({ type: 'data-bar', id: 'a', data: seq }, seq);
    expect(JSON.parse(fold.toJson()!)).toHaveLength(2);
  });

  it('forgets AG-UI states that a later snapshot replaces', () => {
    const events: Event[] = [
      { type: 'RUN_STARTED', threadId: 'a', runId: 'b' },
      { type: 'STATE_SNAPSHOT', snapshot: { n: 1 } },
      { type: 'STATE_DELTA', delta: [{ op: 'replace', path: '/n', value: 2 }] },
      { type: 'STATE_SNAPSHOT', snapshot: { n: 3 } },
      { type: 'STATE_DELTA', delta: [{ op: 'replace', path: '/n', value: 4 }] },
    ];
    expect(received(AG_UI, events, 0)).toEqual([events[0], events[3], events[4]]);
  });

  it('is given up beyond its limit, and not before', () => {
    const fold = UI_MESSAGE_STREAM.fold!(10_000);
    let seq = 0;
    const piece = { type: 'text-delta', id: '0', delta: 'x'.repeat(96) };
    while (seq < 99) fold.add(piece, ++seq);
    expect(fold.toJson()).toBeDefined();
    while (seq < 110) fold.add(piece, ++seq);
    expect(fold.toJson()).toBeUndefined();
  });

  it('takes at most 6 % of the bytes of an answer of 100,000 tokens', () => {
    const words = ['the', ' quick', ' brown', ' fox', ' jumps', ' over', ' a', ' lazy', ' dog', '.\n'];
    const fold = UI_MESSAGE_STREAM.fold!(8_388_608);
    const resumeKey = 'AbCdEfGhIjKlMnOpQrStUv';
    const at = (seq: number): string => `${resumeKey}.${seq}`;
    let bytes = 0;
    const add = (event: Event, seq: number): void => {
      fold.add(event, seq);
      const json = JSON.stringify(event);
      bytes += Buffer.byteLength(UI_MESSAGE_STREAM.event(at(seq), { seq, name: undefined, json }, TASK));
    };
    add({ type: 'start', messageId: 'm' }, 1);
    add({ type: 'text-start', id: '0' }, 2);
    for (let n = 0; n < 100_000; n++) add({ type: 'text-delta', id: '0', delta: words[n % words.length] }, n + 3);
    const snapshot = UI_MESSAGE_STREAM.snapshot!({ json: fold.toJson()!, seq: 100_002, after: 0 }, at, TASK);
    expect(Buffer.byteLength(snapshot) / bytes).toBeLessThanOrEqual(0.06);
  });
});
