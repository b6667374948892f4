/** Checks that a wire keeps the promises that clients rely on. */
import { createEventParser } from '../sse/event-parser.js';
import { STREAM_HEADERS } from '../sse/headers.js';
import type { Wire, WireEnd, WireEvent, WireFold, WireTask } from '../sse/wire.js';

const KEY = 'AbCdEfGhIjKlMnOpQrStUv';
const TASK: WireTask = Object.freeze({ taskId: '01890000-0000-7000-8000-000000000000', slot: 'chat "7" ü' });
const idAt = (seq: number): string => `${KEY}.${seq}`;

/** JSON texts that wrong framings break on. */
const VALUES: readonly string[] = [
  '{"type":"text-delta","id":"0","delta":"\\n\\ndata: forged\\r\\nid: forged.1"}',
  '"\\u2028\\u2029\\ufeff ☃ 😀 ü"',
  '"\\n\\nid: forged.1\\n\\n"',
  '" leading and trailing "',
  '":colon"',
  '"[DONE]"',
  '[1,[2,{"a":null}]]',
  'null',
  '0',
  '""',
  '{}',
];
const NAMES: readonly (string | undefined)[] = [undefined, 'note', 'a: b', 'ü ☃'];

const ENDS: readonly Omit<WireEnd, 'seq'>[] = [
  { status: 'completed', json: `{"task_id":"${TASK.taskId}","status":"completed"}`, progress: undefined },
  { status: 'completed', json: `{"task_id":"${TASK.taskId}","status":"completed","result":{"a":[1]}}`, progress: '1' },
  {
    status: 'failed',
    json: `{"task_id":"${TASK.taskId}","status":"failed","error":{"code":"TASK_FAILED","message":"line\\nline"}}`,
    progress: '{"type":"text-delta"}',
  },
  {
    status: 'cancelled',
    json: `{"task_id":"${TASK.taskId}","status":"cancelled","code":"TASK_CANCELLED","reason":"The client cancelled it"}`,
    progress: 'null',
  },
];

/**
 * Says in words what is wrong with a wire of your own; nothing where it keeps all promises of `Wire`: whole frames that
 * any parser of event streams reads, the id of its event in the last of them and no other, the same text for the same
 * event, and a fold whose snapshot a client can take up anywhere.
 *
 * @example
 * expect(checkWire(myWire)).toEqual([]);
 */
export function checkWire(wire: Wire): readonly string[] {
  const faults: string[] = [];
  const fault = (where: string, what: string): void => {
    faults.push(`${where}: ${what}`);
  };
  checkShape(wire, fault);
  const check: Check = (where, make, id) => {
    checkText(where, make, id, fault);
  };
  checkPrelude(wire, fault);
  for (const seq of [1, 2, 2 ** 40]) {
    for (const json of VALUES) {
      for (const name of NAMES) {
        const event: WireEvent = Object.freeze({ seq, name, json });
        check(`event ${JSON.stringify(event)}`, () => wire.event(idAt(seq), event, TASK), idAt(seq));
      }
    }
    for (const each of ENDS) {
      const end: WireEnd = Object.freeze({ ...each, seq });
      check(`end ${JSON.stringify(end)}`, () => wire.end(idAt(seq), end, TASK), idAt(seq));
    }
  }
  for (const reason of ['trimmed', 'ahead', 'lost']) {
    const gap = Object.freeze({ from: 3, to: 57, reason });
    check(`gap ${reason}`, () => wire.gap(idAt(57), gap), idAt(57));
  }
  checkSnapshots(wire, check, fault);
  return faults;
}

function checkPrelude(wire: Wire, fault: Fault): void {
  for (const position of [0, 7]) {
    const stream = Object.freeze({ ...TASK, resumeKey: KEY, status: 'running', resumed: position > 0, position });
    const text = wire.prelude?.(idAt(position), stream) ?? '';
    if (text !== '' && !text.endsWith('\n\n')) fault('prelude', 'does not end with an empty line');
    if (idsOf(text).some((id) => id !== idAt(position))) fault('prelude', 'moves the position of its client');
  }
}

type Fault = (where: string, what: string) => void;
type Check = (where: string, make: () => string, id: string) => void;

function checkShape({ name, headers = {}, accepts = [] }: Wire, fault: Fault): void {
  if (!/^[a-z0-9-]{1,64}$/.test(name)) fault('name', `expected 1 to 64 characters of a-z, 0-9 and -, got ${name}`);
  const taken = Object.keys(STREAM_HEADERS).map((header) => header.toLowerCase());
  for (const [header, value] of Object.entries(headers)) {
    if (!/^[\w-]+$/.test(header) || !/^[\x20-\x7e]*$/.test(value)) fault('headers', `${header} is no legal header`);
    if (taken.includes(header.toLowerCase())) fault('headers', `${header} is one that every stream has already`);
  }
  for (const type of accepts) {
    if (!/^[\w.+-]+\/[\w.+*-]+$/.test(type)) fault('accepts', `${type} is no media type`);
  }
}

/** @param id what the text must carry in its last frame, and nowhere else */
function checkText(where: string, make: () => string, id: string, fault: Fault): void {
  let text: string;
  try {
    text = make();
    if (make() !== text) fault(where, 'says something else the second time');
  } catch (error) {
    fault(where, `throws ${String(error)}`);
    return;
  }
  if (text.includes('\r') || text.includes('\0')) fault(where, 'holds a carriage return or NUL');
  if (!text.endsWith('\n\n')) {
    fault(where, 'does not end with an empty line');
    return;
  }
  const ids = idsOf(text);
  const frames = text.slice(0, -2).split('\n\n');
  if (ids.length !== 1 || ids[0] !== id) fault(where, `expected the id ${id} once, got ${ids.join(', ') || 'none'}`);
  else if (!`\n${frames.at(-1)}`.includes(`\nid: ${id}`)) fault(where, 'its id is not in its last frame');
  for (const line of text.split('\n')) {
    if (!/^(?:(?:data|event|id|retry)(?::.*)?|:.*|)$/.test(line)) fault(where, `is no event stream: ${line}`);
  }
  const parse = createEventParser(
    (event) => {
      if (event.id !== undefined && event.id !== id) fault(where, 'a forged id got through');
    },
    () => undefined,
  );
  parse(text);
}

const idsOf = (text: string): string[] => [...text.matchAll(/^id: ?(.*)$/gm)].map(([, id = '']) => id);

const PROGRESS: readonly unknown[] = VALUES.map((json) => JSON.parse(json) as unknown);

/** Each prefix of some progress, given to a client that has each shorter prefix already. */
function checkSnapshots(wire: Wire, check: Check, fault: Fault): void {
  if (wire.fold === undefined) {
    if (wire.snapshot !== undefined) {
      const snapshot = { json: '{"a":1}', seq: 9, after: 0 };
      check('snapshot', () => wire.snapshot?.(snapshot, idAt, TASK) ?? '', idAt(9));
    }
    return;
  }
  if (wire.snapshot === undefined) {
    fault('fold', 'is of no use without snapshot');
    return;
  }
  const fold = wire.fold(1_000_000);
  for (const [index, data] of PROGRESS.entries()) {
    fold.add(data, index + 1);
    checkSnapshot(wire, fold, index + 1, fault);
  }
  const small = wire.fold(64);
  for (let seq = 1; seq <= 10_000; seq++) small.add({ type: 'x', seq, text: 'x'.repeat(64) }, seq);
  const kept = small.toJson();
  if (kept !== undefined && kept.length > 10_000) fault('fold', 'grows beyond its limit');
}

function checkSnapshot(wire: Wire, fold: WireFold, seq: number, fault: Fault): void {
  const json = fold.toJson();
  if (json === undefined) {
    fault('fold', `has no state after ${seq} small events`);
    return;
  }
  const twin = wire.fold?.(1_000_000);
  twin?.restore(json);
  if (twin?.toJson() !== json) fault('fold', 'is another one after restore');
  for (let after = 0; after < seq; after++) {
    const where = `snapshot of ${seq} events after ${after}`;
    const text = wire.snapshot?.({ json, seq, after }, idAt, TASK) ?? '';
    if (!text.endsWith('\n\n')) fault(where, 'does not end with an empty line');
    const seqs = idsOf(text).map((id) => Number(id.slice(KEY.length + 1)));
    if (seqs.at(-1) !== seq) fault(where, `its last id is ${String(seqs.at(-1))}`);
    if (seqs.some((each, index) => !(each > (seqs[index - 1] ?? after)))) fault(where, 'its ids do not grow');
  }
}
