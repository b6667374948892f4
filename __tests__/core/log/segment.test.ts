import fc from 'fast-check';
import { FrameRun } from '../../../lib/core/log/frame-run.js';
import { Segment } from '../../../lib/core/log/segment.js';
import { itHolds } from '../../support/random/property.js';

describe('Segment', () => {
  it('starts empty, with a last seq before its first', () => {
    const segment = new Segment(7, 1_024);
    expect(segment).toMatchObject({ firstSeq: 7, lastSeq: 6, count: 0, used: 0 });
    expect(segment.sliceAfter(6)).toHaveLength(0);
  });

  it('gives every position the rest as one slice of the same memory', () => {
    const segment = new Segment(5, 1_024);
    for (const frame of ['a', 'bü', 'c☃😀']) expect(segment.append(frame)).toBe(Buffer.byteLength(frame));
    expect(segment.lastSeq).toBe(7);
    expect(segment.sliceAfter(4).toString()).toBe('abüc☃😀');
    expect(segment.sliceAfter(5).toString()).toBe('büc☃😀');
    expect(segment.sliceAfter(6).toString()).toBe('c☃😀');
    expect(segment.sliceAfter(7)).toHaveLength(0);
    expect(segment.sliceAfter(4).buffer).toBe(segment.sliceAfter(6).buffer);
  });

  it.each([[['a', 'b', 'cd']], [['ä', '', '☃😀', 'x']]])('adds %j together as it would one by one', (frames) => {
    const [together, single] = [new Segment(1, 1_024), new Segment(1, 1_024)];
    expect(together.appendAll(new FrameRun(frames))).toBe(true);
    for (const frame of frames) single.append(frame);
    for (let seq = 0; seq <= frames.length; seq++) expect(together.sliceAfter(seq)).toEqual(single.sliceAfter(seq));
  });

  it('adds none of several frames where their bytes and index entries do not all fit', () => {
    const segment = new Segment(1, 24);
    expect(segment.appendAll(new FrameRun(['12345', '67890', '12345']))).toBe(false);
    expect(segment).toMatchObject({ count: 0, used: 0 });
    expect(segment.appendAll(new FrameRun(['12345', '67890', '12']))).toBe(true);
    expect(segment).toMatchObject({ count: 3, used: 12 });
  });

  it('does not join half a character to the half that the next frame begins with', () => {
    const run = new FrameRun(['\ud83d', '\ude00']);
    expect(run.bytes).toBe(6);
    expect(new Segment(1, 64).appendAll(run)).toBe(false);
  });

  it('leaves an older slice as it was when more is appended', () => {
    const segment = new Segment(1, 64);
    segment.append('first');
    const slice = segment.sliceAfter(0);
    segment.append('second');
    expect(slice.toString()).toBe('first');
  });

  it('can be used again where nobody has looked at its bytes, and not where somebody has', () => {
    const segment = new Segment(1, 64);
    segment.append('old');
    expect(segment.restart(9)).toBe(true);
    expect(segment).toMatchObject({ firstSeq: 9, lastSeq: 8, count: 0, used: 0 });
    segment.append('new');
    const slice = segment.sliceAfter(8);
    expect(slice.toString()).toBe('new');
    expect(segment.restart(20)).toBe(false);
    expect(segment).toMatchObject({ firstSeq: 9, count: 1 });
    expect(slice.toString()).toBe('new');
  });

  it.each(['x', 'ü', '☃', '😀', '\ud800'])('holds one frame of %j × 1 to 200 in the capacity made for it', (unit) => {
    for (let length = 1; length <= 200; length++) {
      const frame = unit.repeat(length);
      const capacity = Segment.capacityFor(Buffer.byteLength(frame));
      expect(capacity % 4).toBe(0);
      expect(capacity - Buffer.byteLength(frame)).toBeLessThan(8);
      const segment = new Segment(1, capacity);
      expect(segment.append(frame)).toBe(Buffer.byteLength(frame));
      expect(segment.sliceAfter(0)).toEqual(Buffer.from(frame));
      expect(segment.append('x')).toBe(capacity - Buffer.byteLength(frame) >= 9 ? 1 : 0);
    }
  });

  itHolds(
    'takes a frame exactly when its bytes and its index entry fit, and never loses one',
    [
      fc.array(fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }), { maxLength: 60 }),
      fc.integer({ min: 2, max: 200 }),
    ],
    (frames, words) => {
      const segment = new Segment(1, words * 4);
      const kept: string[] = [];
      for (const frame of frames) {
        const bytes = Buffer.byteLength(frame);
        const fits = segment.used + bytes + 4 * (segment.count + 1) <= segment.capacity;
        expect(segment.append(frame)).toBe(fits ? bytes : 0);
        if (fits) kept.push(frame);
        expect(segment.count).toBe(kept.length);
        for (let position = 0; position <= kept.length; position++) {
          expect(segment.sliceAfter(position)).toEqual(Buffer.from(kept.slice(position).join('')));
        }
      }
    },
  );
});
