import { EventLog } from '../../../lib/core/log/event-log.js';
import { FrameRun } from '../../../lib/core/log/frame-run.js';

const FREE = { reserve: () => undefined, release: () => undefined, dropped: () => undefined };

describe('the bytes that a log says it keeps', () => {
  it('are those of the frames that can be read, after trimming made room for many of them', () => {
    const log = new EventLog({ maxEvents: Infinity, maxBytes: 65_536 }, FREE);
    for (let i = 0; i < 10_000; i++) {
      log.append(`data: ${i}\n\n`);
      expect(log.wireBytes).toBeLessThanOrEqual(log.capacity);
    }
    let readable = 0;
    for (let position = log.firstSeq - 1, slice; (slice = log.readAfter(position)) !== undefined; position = slice.to) {
      readable += slice.bytes.length;
    }
    expect(log.firstSeq).toBeGreaterThan(1);
    expect(log.wireBytes).toBe(readable);
  });
});

describe('the memory of a trimmed log', () => {
  const fill = (log: EventLog, from: number, to: number): void => {
    for (let i = from; i < to; i++) log.append(`data: ${i}\n\n`);
  };

  it('is reused for new frames where nobody has looked at it', () => {
    const log = new EventLog({ maxEvents: 80, maxBytes: 65_536 }, FREE);
    fill(log, 0, 1_000);
    expect(log.readAfter(log.firstSeq - 1)?.bytes.toString()).toMatch(new RegExp(`^data: ${log.firstSeq - 1}\n`));
    expect(log.readAfter(999)?.bytes.toString()).toBe('data: 999\n\n');
  });

  it('is left alone where somebody may still be sending it', () => {
    const log = new EventLog({ maxEvents: 80, maxBytes: 65_536 }, FREE);
    fill(log, 0, 10);
    const sending = log.readAfter(0)?.bytes;
    const text = sending?.toString();
    fill(log, 10, 1_000);
    expect(sending?.toString()).toBe(text);
  });
});

describe('frames that are appended together', () => {
  it('make room before they go into a segment that has some, where the log has as many events as it may keep', () => {
    const log = new EventLog({ maxEvents: 16, maxBytes: 65_536 }, FREE);
    log.append('1');
    log.skipTo(15);
    log.append('16');
    log.appendFrom(0, new FrameRun(['17']));
    expect(log).toMatchObject({ firstSeq: 16, lastSeq: 17, events: 2 });
    expect(log.readAfter(15)?.bytes.toString()).toBe('1617');
  });
});
