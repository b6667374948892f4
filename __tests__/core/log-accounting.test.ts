import { EventLog } from '../../lib/core/event-log.js';

const FREE = { reserve: () => undefined, release: () => undefined };

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
