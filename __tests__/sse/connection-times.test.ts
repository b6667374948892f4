import { HEARTBEAT } from '../../lib/sse/frame.js';
import { ConnectionFixture, PRELUDE } from '../support/sse/connection-fixture.js';
import { turn } from '../support/jobs/run-fixture.js';

const RETRY = /retry: \d+\n\n$/;

describe('The times of a connection', () => {
  let f: ConnectionFixture;

  beforeEach(() => {
    f = new ConnectionFixture();
  });

  afterEach(() => {
    f.res.close();
  });

  describe('with a full socket', () => {
    it('is cut after stallTimeoutMs, not before, and never where it drains in time', () => {
      f.res.full = true;
      f.open();
      f.clock.advance(3_000);
      expect(f.res.destroyed).toBe(false);
      f.res.drain();
      f.res.full = true;
      f.append(1);
      f.connection.wake();
      f.clock.advance(3_000);
      expect(f.res.destroyed).toBe(false);
      f.clock.advance(250);
      expect(f.res.destroyed).toBe(true);
      expect(f.res.text).not.toContain(HEARTBEAT);
    });
  });

  describe('on a quiet connection', () => {
    it('beats before heartbeatMs are over, again and again', () => {
      f.open();
      f.clock.advance(1_000);
      expect(f.res.writes).toEqual([PRELUDE, HEARTBEAT]);
      f.clock.advance(3_000);
      expect(f.res.writes).toEqual([PRELUDE, ...Array.from({ length: 4 }, () => HEARTBEAT)]);
    });

    it('does not beat where events come more often', async () => {
      f.open();
      for (let n = 1; n <= 10; n++) {
        f.clock.advance(700);
        f.append(n);
        await turn();
      }
      expect(f.res.text).not.toContain(HEARTBEAT);
    });

    it('counts the silence from when a full socket has drained', () => {
      f.res.full = true;
      f.open();
      f.clock.advance(2_750);
      f.res.drain();
      f.clock.advance(750);
      expect(f.res.writes).toEqual([PRELUDE]);
      f.clock.advance(250);
      expect(f.res.writes).toEqual([PRELUDE, HEARTBEAT]);
    });

    it('does not beat when beating is off', () => {
      f.res.close();
      f.prepare({ heartbeatMs: 0 });
      f.open();
      f.clock.advance(1_000_000);
      expect(f.res.writes).toEqual([PRELUDE]);
      expect(f.res.destroyed).toBe(false);
    });
  });

  describe('whose client is sent away', () => {
    it('writes the kept events, a retry of its own, and ends', () => {
      f.open();
      f.append(1);
      f.connection.sendAway();
      expect(f.res.text).toMatch(RETRY);
      expect(f.res.writes.slice(1, -1)).toEqual([f.event(1)]);
      expect(f.res.ended).toBe(true);
    });

    it('writes no retry where the task has ended', () => {
      f.open();
      f.append(1);
      void f.writer.finish('completed', '{}');
      f.connection.sendAway();
      expect(f.res.text).toBe(PRELUDE + f.event(1) + f.end(2));
      expect(f.res.ended).toBe(true);
    });

    it('ends because of its age between 3/4 and 5/4 of maxConnectionAgeMs, give or take a tick', () => {
      for (let n = 0; n < 20; n++) {
        f.res.close();
        f.prepare({ maxConnectionAgeMs: 40_000 });
        f.open();
        f.clock.advance(30_000 - 500);
        expect(f.res.ended).toBe(false);
        f.clock.advance(20_000 + 1_000);
        expect(f.res.ended).toBe(true);
        expect(f.res.text).toMatch(RETRY);
      }
    });

    it('ends because of its age also where its line is always full, once that has taken what it was given', () => {
      f.prepare({ maxConnectionAgeMs: 8_000 });
      f.open();
      f.res.full = true;
      f.append(1);
      f.connection.wake();
      for (let n = 0; n < 20 && !f.res.ended; n++) {
        f.clock.advance(2_000);
        f.res.drain(); // it is slow, but it takes everything in time
        f.res.full = true;
        f.append(n + 2);
        f.connection.wake();
        f.clock.advance(500);
      }
      expect(f.res.ended).toBe(true);
      expect(f.res.destroyed).toBe(false);
      expect(f.res.text).toMatch(RETRY);
    });

    it('is cut after stallTimeoutMs where the client never leaves', () => {
      f.open();
      f.connection.sendAway();
      f.clock.advance(3_250);
      expect(f.res.destroyed).toBe(true);
    });
  });
});
