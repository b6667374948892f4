import { DEFAULT_WIRE } from '../../lib/sse/default-wire.js';
import type { Wire } from '../../lib/sse/wire.js';
import { UI_MESSAGE_STREAM } from '../../lib/wires/ui-message-stream.js';
import { Wires, WIRES_RULE, WIRE_RULE } from '../../lib/wires/wires.js';
import { ProcessGuard } from '../support/processes/process-guard.js';
import { WAYS_TO_FAIL } from '../support/jobs/ways-to-fail.js';

const LINES: Wire = {
  name: 'lines',
  event: (id, { json }) => `data: ${json}\nid: ${id}\n\n`,
  end: (id, { status, progress }) => `data: ${status} after ${progress ?? 'nothing'}\nid: ${id}\n\n`,
  gap: (id) => `data: gap\nid: ${id}\n\n`,
};
const task = (wire?: string, progress?: string): Parameters<Wires['encode']>[0] => ({
  ...{ taskId: 't', resumeKey: 'k', attempt: 1, epoch: 1, slot: undefined },
  wire,
  progress,
});

describe('the wires of a manager', () => {
  it('include those of the library and those that it is given', () => {
    const wires = new Wires([LINES]);
    expect(wires.get()).toBe(DEFAULT_WIRE);
    expect(wires.resolve(undefined)).toBe(DEFAULT_WIRE);
    expect(wires.resolve('ui-message-stream')).toBe(UI_MESSAGE_STREAM);
    expect(wires.get('lines')).toMatchObject({ name: 'lines' });
    expect(wires.resolve(LINES)).toBe(wires.get('lines'));
  });

  it('refuse the name of an unknown wire', () => {
    expect(() => new Wires().get('lines')).toThrow(expect.objectContaining({ code: 'UNKNOWN_WIRE', status: 501 }));
    expect(() => new Wires().resolve('ui-message')).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
  });

  it('register a wire object at its first use, and refuse another one under its name', () => {
    const wires = new Wires();
    wires.resolve(LINES);
    expect(wires.resolve('lines')).toBe(wires.get('lines'));
    expect(() => wires.resolve({ ...LINES })).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
    expect(() => wires.resolve({ ...LINES, name: 'plain' })).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTION' }),
    );
  });

  it.each<[string, unknown, boolean]>([
    ['a list of wires', [LINES], true],
    ['no list', LINES, false],
    ['a name', ['lines'], false],
    ['a name that is taken', [{ ...LINES, name: 'default' }], false],
    ['a name in capitals', [{ ...LINES, name: 'Lines' }], false],
    ['a wire without an end', [{ ...LINES, end: undefined }], false],
    ['null', [null], false],
    ['a list with a hole', [LINES, , LINES], false], // eslint-disable-line no-sparse-arrays
    ['types with a hole', [{ ...LINES, accepts: new Array(1) }], false],
  ])('are checked when they are given: %s', (_what, value, fine) => {
    expect(WIRES_RULE.accepts(value)).toBe(fine);
  });

  it('can be named or given at a start', () => {
    expect(['plain', LINES, 7, null, {}].map(WIRE_RULE.accepts)).toEqual([true, true, false, false, false]);
  });

  it('frame each event of a task by its wire, and know the last progress at its end', () => {
    const { encode } = new Wires([LINES]);
    expect(encode(task(), 1, undefined, '1')).toBe('data: 1\nid: k.1\n\n');
    expect(encode(task('default'), 2, 'complete', '{}')).toBe('event: complete\ndata: {}\nid: k.2\n\n');
    expect(encode(task('lines'), 1, undefined, '1')).toBe('data: 1\nid: k.1\n\n');
    expect(encode(task('lines', '1'), 2, 'failed', '{}')).toBe('data: failed after 1\nid: k.2\n\n');
    expect(encode(task('plain'), 1, undefined, '1')).toBe('id: k.1\ndata: 1\n\n');
  });

  it('use the default framing for a wire that only another instance knows', () => {
    expect(new Wires().encode(task('lines'), 1, undefined, '1')).toBe('data: 1\nid: k.1\n\n');
  });
});

describe('a wire that fails', () => {
  const warn = jest.spyOn(process, 'emitWarning');
  beforeEach(() => warn.mockReset());
  afterAll(() => warn.mockRestore());

  const broken = (): never => {
    throw new TypeError('I am broken');
  };
  const half = (): string => 'data: 1\n';

  it.each([
    ['throws', broken],
    ['returns half a frame', half],
    ['returns nothing', (): string => undefined as unknown as string],
  ])('loses its task one event and disturbs nothing else, where it %s', (_how, fault) => {
    const { encode, get } = ((wires) => ({ encode: wires.encode, get: () => wires.get('lines') }))(
      new Wires([{ ...LINES, event: fault, end: fault, gap: fault, prelude: fault, snapshot: fault }]),
    );
    expect(encode(task('lines'), 1, undefined, '1')).toMatch(/^: .*\nid: k\.1\n\n$/);
    expect(encode(task('lines'), 2, 'complete', '{}')).toMatch(/^: .*\nid: k\.2\n\n$/);
    const wire = get();
    expect(wire.gap('k.3', { from: 1, to: 3, reason: 'trimmed' })).toMatch(/^: .*\nid: k\.3\n\n$/);
    const stream = { taskId: 't', resumeKey: 'k', status: 'running', resumed: true, position: 0 };
    expect(wire.prelude?.('k.0', stream)).toBe('\n\n');
    expect(wire.snapshot?.({ json: '1', seq: 4, after: 0 }, (seq) => `k.${seq}`, { taskId: 't' })).toMatch(
      /\nid: k\.4\n\n$/,
    );
    expect(warn.mock.calls.length).toBeGreaterThanOrEqual(5);
  });
});

describe.each(WAYS_TO_FAIL)('a wire any of whose functions %s', (_how, fail) => {
  it.each([
    ['event', (wire: Wire) => wire.event('k.1', { seq: 1, name: undefined, json: '1' }, task('lines'))],
    ['end', (wire: Wire) => wire.end('k.1', { seq: 1, status: 'failed', json: '{}', progress: undefined }, task())],
    ['gap', (wire: Wire) => wire.gap('k.1', { from: 1, to: 3, reason: 'trimmed' })],
    ['prelude', (wire: Wire) => wire.prelude?.('k.0', { ...task(), status: 'running', resumed: true, position: 0 })],
    ['snapshot', (wire: Wire) => wire.snapshot?.({ json: '1', seq: 4, after: 0 }, (seq) => `k.${seq}`, task())],
    ['refusal', (wire: Wire) => wire.refusal?.({ status: 400, code: 'INVALID_INPUT', detail: 'no' }).body],
  ])('causes a warning, and ends no process: %s', async (part, call) => {
    const warn = jest.spyOn(process, 'emitWarning').mockReturnValue();
    const guard = new ProcessGuard();
    expect(typeof call(new Wires().resolve({ ...LINES, [part]: fail }))).toBe('string');
    for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate);
    expect(guard.take()).toEqual([]);
    expect(warn).toHaveBeenCalledWith(expect.anything(), {
      type: 'CallbackWarning',
      detail: `in ${part} of the wire lines`,
    });
    warn.mockRestore();
    guard.close();
  });
});

describe('a wire whose optional members are invalid', () => {
  it.each<[what: string, member: object]>([
    ['a header that breaks the line', { headers: { 'X-A': 'a\nb' } }],
    ['a header that is no text', { headers: { 'X-A': 5 } }],
    ['headers that are none', { headers: 'X-A: b' }],
    ['types in one text', { accepts: 'text/plain' }],
    ['a prelude that is no function', { prelude: 'hello' }],
    ['a snapshot that is no function', { snapshot: {} }],
    ['a fold that is no function', { fold: 5 }],
    ['a refusal that is no function', { refusal: 'no' }],
  ])('is refused where it is given: %s', (_what, member) => {
    expect(WIRE_RULE.accepts({ ...LINES, ...member })).toBe(false);
    expect(WIRES_RULE.accepts([{ ...LINES, ...member }])).toBe(false);
  });

  it.each<[what: string, refusal: () => unknown]>([
    ['nothing', () => undefined],
    ['a promise', () => Promise.resolve({ contentType: 'a/b', body: '' })],
    ['a body that is no text', () => ({ contentType: 'a/b', body: {} })],
    ['a type that breaks the line', () => ({ contentType: 'a/b\nX-A: 1', body: '' })],
  ])('whose refusal is %s causes a warning, and the client reads the message', (_what, refusal) => {
    const warn = jest.spyOn(process, 'emitWarning').mockReturnValue();
    const wire = new Wires().resolve({ ...LINES, refusal } as Wire);
    const said = { status: 400, code: 'INVALID_INPUT', detail: 'The year is missing' };
    expect(wire.refusal?.(said)).toEqual({ contentType: 'text/plain; charset=utf-8', body: 'The year is missing' });
    expect(warn).toHaveBeenCalledWith(
      expect.anything(),
      expect.objectContaining({ detail: 'in refusal of the wire lines' }),
    );
    warn.mockRestore();
  });
});
