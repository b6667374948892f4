import { AsyncLocalStorage } from 'node:async_hooks';
import { EventLog, type LogLimits } from '../../../lib/core/log/event-log.js';
import { CountingBudget } from '../../support/sse/counting-budget.js';

const LARGE: LogLimits = { maxEvents: 10_000, maxBytes: 8_388_608 };

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('EventLog', () => {
  let budget: CountingBudget;
  const logOf = (limits: Partial<LogLimits> = {}): EventLog => new EventLog({ ...LARGE, ...limits }, budget);
  const fill = (log: EventLog, events: number, frame = 'x'.repeat(96)): void => {
    for (let n = 0; n < events; n++) log.append(frame);
  };

  beforeEach(() => {
    budget = new CountingBudget();
  });

  it('is empty at first: nothing kept, nothing reserved, nothing to read', () => {
    const log = logOf();
    expect(log).toMatchObject({ lastSeq: 0, firstSeq: 1, events: 0, wireBytes: 0, capacity: 0, ended: false });
    expect(log.readAfter(0)).toBeUndefined();
    expect(budget.reserved).toBe(0);
  });

  it('gives a reader at or past the head nothing', () => {
    const log = logOf();
    log.append('one');
    expect(log.readAfter(1)).toBeUndefined();
    expect(log.readAfter(2)).toBeUndefined();
    expect(log.readAfter(Number.MAX_SAFE_INTEGER)).toBeUndefined();
  });

  it('shares one slice among all readers at one position', () => {
    const log = logOf();
    log.append('one');
    log.append('two');
    expect(log.readAfter(0)).toBe(log.readAfter(0));
    expect(log.readAfter(0)).toMatchObject({ kind: 'frames', from: 0, to: 2, bytes: Buffer.from('onetwo') });
    log.append('three');
    expect(log.readAfter(0)?.bytes.toString()).toBe('onetwothree');
  });

  it('leaves slices that were handed out as they were, whatever is appended, dropped or discarded', () => {
    const log = logOf({ maxEvents: 16, maxBytes: 4_096 });
    const slices: [Buffer, string][] = [];
    for (let n = 0; n < 100; n++) {
      log.append(`<${n}>`.padEnd(100, '☃'));
      const { bytes } = log.readAfter(log.firstSeq - 1)!;
      slices.push([bytes, bytes.toString()]);
    }
    log.discard();
    for (const [bytes, text] of slices) expect(bytes.toString()).toBe(text);
  });

  it('writes over no bytes that somebody has seen, whoever else has not', () => {
    const log = logOf({ maxEvents: 16, maxBytes: 8_192 });
    const slices: [Buffer, string][] = [];
    for (let n = 0; n < 500; n++) {
      log.append(`<${n}>`.padEnd(60, '='));
      if (n % 7 !== 0) continue;
      const { bytes } = log.readAfter(n)!;
      slices.push([bytes, bytes.toString()]);
    }
    for (const [bytes, text] of slices) expect(bytes.toString()).toBe(text);
  });

  it('reuses its memory while nobody reads', () => {
    const spy = jest.spyOn(Buffer, 'allocUnsafeSlow');
    const log = logOf({ maxEvents: 64, maxBytes: 65_536 });
    fill(log, 1_000);
    const made = spy.mock.calls.length;
    fill(log, 10_000);
    expect(spy.mock.calls.length).toBe(made);
    spy.mockRestore();
  });

  it('starts with a segment of 1 KiB and doubles it up to 64 KiB', () => {
    const log = logOf();
    const capacities: number[] = [];
    for (let before = 0; capacities.length < 9; before = log.capacity) {
      log.append('x'.repeat(96));
      if (log.capacity !== before) capacities.push(log.capacity - before);
    }
    expect(capacities).toEqual([1, 2, 4, 8, 16, 32, 64, 64, 64].map((kib) => kib * 1_024));
  });

  it('costs a full segment its wire bytes and at most 8 bytes an event', () => {
    const log = logOf();
    fill(log, 9_000, 'x'.repeat(72));
    const dense = log.wireBytes + 8 * log.events;
    expect(log.capacity - 65_536).toBeLessThanOrEqual(dense); // the newest segment is not full yet
  });

  it('does not spend large segments on a log that holds few events', () => {
    const log = logOf({ maxEvents: 16 });
    fill(log, 200);
    expect(log.capacity).toBeLessThanOrEqual(16 * 1_024);
  });

  it('gives an event larger than a segment one of its own, and later events the usual ones', () => {
    const log = logOf();
    log.append('small');
    log.append('x'.repeat(300_000));
    log.append('small again');
    expect(log.readAfter(0)).toMatchObject({ from: 0, to: 1 });
    expect(log.readAfter(1)?.bytes).toHaveLength(300_000);
    expect(log.readAfter(2)?.bytes.toString()).toBe('small again');
    expect(log.capacity).toBeLessThan(300_000 + 8 + 1_024 + 4_096);
  });

  it('keeps an event as large as its budget allows, alone', () => {
    const log = logOf({ maxBytes: 4_096 });
    fill(log, 30);
    log.append('x'.repeat(4_096 - 8));
    expect(log.events).toBe(1);
    expect(log.capacity).toBeLessThanOrEqual(4_096);
    log.append('after');
    expect(log.readAfter(log.firstSeq - 1)?.bytes.toString()).toBe('after');
  });

  it('counts what it keeps, in events and in bytes, after trimming as well', () => {
    const log = logOf({ maxBytes: 8_192 });
    for (let n = 0; n < 500; n++) {
      log.append('x'.repeat(1 + ((n * 37) % 400)));
      let bytes = 0;
      for (let slice = log.readAfter(log.firstSeq - 1); slice; slice = log.readAfter(slice.to))
        bytes += slice.bytes.length;
      expect(log.wireBytes).toBe(bytes);
      expect(log.events).toBe(log.lastSeq - log.firstSeq + 1);
    }
  });

  it('goes on with the next seq after everything was dropped', () => {
    const log = logOf();
    fill(log, 3);
    expect(log.dropOldestSegment()).toBe(1_024);
    expect(log.dropOldestSegment()).toBe(0);
    expect(log).toMatchObject({ lastSeq: 3, firstSeq: 4, events: 0, wireBytes: 0, capacity: 0 });
    expect(budget.reserved).toBe(0);
    log.append('four');
    expect(log.readAfter(3)?.bytes.toString()).toBe('four');
  });

  it('survives a budget that takes its own segments back while it makes a new one', () => {
    const strict = {
      reserved: 0,
      reserve(bytes: number): void {
        this.reserved += bytes;
        while (this.reserved > 4_096 && log.dropOldestSegment() > 0);
      },
      release(bytes: number): void {
        this.reserved -= bytes;
      },
      dropped: () => undefined,
    };
    const log = new EventLog(LARGE, strict);
    for (let n = 1; n <= 300; n++) {
      log.append(`${n};`);
      expect(log.readAfter(n - 1)?.bytes.toString()).toBe(`${n};`);
    }
    fill(log, 200);
    expect(log.lastSeq).toBe(500);
    expect(strict.reserved).toBe(log.capacity);
  });

  describe('followers', () => {
    it('are woken once for everything that one tick appends, not while it is appended', async () => {
      const log = logOf();
      let wakes = 0;
      log.follow({ wake: () => wakes++ });
      fill(log, 1_000);
      log.end();
      expect(wakes).toBe(0);
      await turn();
      expect(wakes).toBe(1);
      await turn();
      expect(wakes).toBe(1);
      log.append('next tick');
      await turn();
      expect(wakes).toBe(2);
    });

    it('are woken in the context of no request, whoever appends', async () => {
      const storage = new AsyncLocalStorage<string>();
      const log = logOf();
      const contexts: unknown[] = [];
      log.follow({ wake: () => contexts.push(storage.getStore()) });
      storage.run('appender', () => fill(log, 1));
      await turn();
      expect(contexts).toEqual([undefined]);
    });

    it('are woken by an end and by a discard', async () => {
      const log = logOf();
      const states: [boolean, boolean][] = [];
      log.follow({ wake: () => states.push([log.ended, log.discarded]) });
      log.end();
      await turn();
      log.discard();
      await turn();
      expect(states).toEqual([
        [true, false],
        [true, true],
      ]);
    });

    it('are not woken after they left, even where they were about to be', async () => {
      const log = logOf();
      const woken: string[] = [];
      const [staying, leaving] = [{ wake: () => woken.push('staying') }, { wake: () => woken.push('leaving') }];
      log.follow(leaving);
      log.follow(staying);
      log.append('one');
      log.unfollow(leaving);
      await turn();
      expect(woken).toEqual(['staying']);
    });

    it('may leave while they are woken', async () => {
      const log = logOf();
      const woken: number[] = [];
      for (const n of [1, 2, 3]) {
        const follower = {
          wake: () => {
            woken.push(n);
            log.unfollow(follower);
          },
        };
        log.follow(follower);
      }
      log.append('one');
      await turn();
      log.append('two');
      await turn();
      expect(woken).toEqual([1, 2, 3]);
    });

    it('cost no turn of the event loop where there are none', () => {
      const spy = jest.spyOn(globalThis, 'setImmediate');
      fill(logOf(), 10);
      expect(spy).not.toHaveBeenCalled();
      spy.mockRestore();
    });
  });
});
