import type { StoreSettings } from '../core/ports.js';

/**
 * Bytes that a frame has beside its JSON, its event name and the digits of its seq, so that Redis can count a log in
 * the bytes that go over the wire without encoding it.
 */
export function encodedSizes({ encode }: Pick<StoreSettings, 'encode'>): { plainBytes: number; namedBytes: number } {
  const resumeKey = 'x'.repeat(22);
  return {
    plainBytes: Buffer.byteLength(encode(resumeKey, 1, undefined, '')) - 1,
    namedBytes: Buffer.byteLength(encode(resumeKey, 1, 'x', '')) - 2,
  };
}
