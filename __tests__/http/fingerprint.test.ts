import { fingerprintOf, fingerprintOfInput, fingerprintOfPayload } from '../../lib/http/fingerprint.js';
import type { AnyRequest } from '../../lib/http/read-request.js';
import { ProcessGuard } from '../support/processes/process-guard.js';

const request = (more: object): AnyRequest =>
  ({ method: 'POST', url: '/upload', headers: {}, ...more }) as unknown as AnyRequest;

const areSame = async (one: object, other: object): Promise<boolean> =>
  (await fingerprintOf(request(one))) === (await fingerprintOf(request(other)));

describe('the fingerprints of two starts', () => {
  it.each<[what: string, one: object, other: object, same: boolean]>([
    ['with equal JSON bodies', { body: { a: [1, 'x'] } }, { body: { a: [1, 'x'] } }, true],
    ['not with other JSON bodies', { body: { a: [1, 'x'] } }, { body: { a: [1, 'y'] } }, false],
    ['not where a number is a text', { body: { a: 1 } }, { body: { a: '1' } }, false],
    ['with equal bytes', { body: Buffer.from('abc') }, { body: Buffer.from('abc') }, true],
    ['not with other bytes of one length', { body: Buffer.from('abc') }, { body: Buffer.from('abd') }, false],
    [
      'with equal files',
      { file: { size: 1, buffer: Buffer.from('a') } },
      { file: { size: 1, buffer: Buffer.from('a') } },
      true,
    ],
    [
      'not with other files',
      { file: { size: 1, buffer: Buffer.from('a') } },
      { file: { size: 1, buffer: Buffer.from('b') } },
      false,
    ],
    [
      'not with other lists of files',
      { files: [{ buffer: Buffer.from('a') }] },
      { files: [{ buffer: Buffer.from('b') }] },
      false,
    ],
    ['not with other files by field', { files: { a: [{ size: 1 }] } }, { files: { a: [{ size: 2 }] } }, false],
    [
      'with a file that lies elsewhere',
      { file: { path: __filename, size: 5 } },
      { file: { path: __filename, size: 5, filename: 'tmp-1' } },
      true,
    ],
    [
      'not where nobody has parsed their bodies',
      { headers: { 'content-length': '9' } },
      { headers: { 'content-length': '9' } },
      false,
    ],
    [
      'not where their bodies are of unknown length',
      { headers: { 'transfer-encoding': 'chunked' } },
      { headers: { 'transfer-encoding': 'chunked' } },
      false,
    ],
    ['without any body', { headers: { 'content-length': '0' } }, { headers: {} }, true],
    [
      'as GETs, whose bodies count for nothing',
      { method: 'GET', headers: { 'content-length': '9' } },
      { method: 'GET' },
      true,
    ],
  ])('%s', async (_what, one, other, same) => {
    expect(await areSame(one, other)).toBe(same);
  });

  const form = (text: string): FormData => {
    const data = new FormData();
    data.append('file', new Blob([text]));
    return data;
  };
  const bytesOf = (text: string): ArrayBuffer => new Uint8Array(Buffer.from(text)).buffer;
  it.each<[what: string, of: (text: string) => unknown]>([
    ['an ArrayBuffer', bytesOf],
    ['a DataView', (text) => new DataView(bytesOf(text))],
    ['a Map', (text) => new Map([[text, { text }]])],
    ['a Set, deep inside', (text) => ({ names: new Set([text]) })],
    ['URLSearchParams', (text) => new URLSearchParams({ text })],
    ['a Blob', (text) => new Blob([text])],
    ['the name of a File', (text) => new File(['file'], text)],
    ['FormData with a file', form],
  ])('tells two payloads and two inputs apart that JSON would write alike: %s', async (_what, of) => {
    expect(await fingerprintOfInput(of('a'))).toBe(await fingerprintOfInput(of('a')));
    const digests = ['a', 'b']
      .map(of)
      .map((value) => [fingerprintOfPayload(request({}), value), fingerprintOfInput(value)]);
    expect(new Set(await Promise.all(digests.flat())).size).toBe(4);
  });

  it('can be computed where a body refers to itself', async () => {
    const body: { self?: object } = {};
    body.self = body;
    expect(await areSame({ body }, { body })).toBe(true);
  });

  it.each<[what: string, body: () => unknown]>([
    ['bytes', () => Buffer.alloc(40 * 1024 * 1024)],
    ['text', () => 'é'.repeat(20 * 1024 * 1024)],
    ['text deep inside', () => ({ file: ['x'.repeat(20 * 1024 * 1024)] })],
    ['numbers', () => Array.from({ length: 500_000 }, (_, index) => index)],
    ['rows', () => Array.from({ length: 50_000 }, (_, row) => ({ row }))],
    ['names', () => Object.fromEntries(Array.from({ length: 100_000 }, (_, row) => [`row${row}`, row]))],
  ])('are computed in pieces for a large upload of %s, between which others are served', async (_what, body) => {
    const large = request({ body: body() });
    let turns = 0;
    let over = false;
    const count = (): void => {
      turns++;
      if (!over) setImmediate(count);
    };
    setImmediate(count);
    await fingerprintOf(large);
    over = true;
    expect(turns).toBeGreaterThan(5);
  });
});

describe('a payload that cannot be written as text', () => {
  const deep = JSON.parse(`${'['.repeat(50_000)}${']'.repeat(50_000)}`) as unknown;
  const { proxy, revoke } = Proxy.revocable(() => 1, {});
  revoke();

  it.each<[what: string, body: unknown]>([
    ['is nested very deeply', deep],
    ['holds a function that cannot be looked at', { job: proxy }],
    ['holds an object without a prototype, deep inside', nestedIn(Object.create(null))],
    ['holds a symbol', { name: Symbol('a') }],
  ])('still has a fingerprint where it %s', async (_what, body) => {
    expect(await areSame({ body }, { body })).toBe(true);
    expect(await areSame({ body }, { body: 'another' })).toBe(false);
  });

  function nestedIn(value: unknown): unknown {
    let body = value;
    for (let level = 0; level < 80; level++) body = [body];
    return body;
  }
});

describe('a payload whose toJSON is async', () => {
  it('is refused, and its rejection ends no process', async () => {
    const guard = new ProcessGuard();
    const payload = { toJSON: () => Promise.reject(new Error('Nobody awaits this')) };
    await expect(fingerprintOfPayload(request({}), payload)).rejects.toMatchObject({ code: 'CALLBACK_FAILED' });
    await new Promise(setImmediate);
    expect(guard.take()).toEqual([]);
    guard.close();
  });
});
