import { encodeEvent } from '../../lib/sse/frame.js';
import { ConnectionFixture, PRELUDE } from '../support/sse/connection-fixture.js';
import { FakeResponse } from '../support/sse/fake-response.js';
import { turn } from '../support/jobs/run-fixture.js';

describe('Connection', () => {
  let f: ConnectionFixture;

  beforeEach(() => {
    f = new ConnectionFixture();
  });

  afterEach(() => {
    f.res.close();
  });

  it('writes the prelude, then the kept events, then new ones', async () => {
    f.append(1, 2);
    f.open();
    expect(f.res.writes).toEqual([PRELUDE, f.event(1) + f.event(2)]);
    f.append(3);
    await turn();
    expect(f.res.writes.slice(2)).toEqual([f.event(3)]);
  });

  it('writes everything that one tick appends at once', async () => {
    f.open();
    f.append(1, 2, 3, 4);
    expect(f.res.writes).toEqual([PRELUDE]);
    await turn();
    expect(f.res.writes.slice(1)).toEqual([f.event(1) + f.event(2) + f.event(3) + f.event(4)]);
  });

  it('ends the response after the terminal event, once', async () => {
    f.open();
    f.append(1);
    void f.writer.finish('completed', '{}');
    await turn();
    expect(f.res.text).toBe(PRELUDE + f.event(1) + f.end(2));
    expect(f.res.ended).toBe(true);
    f.connection.wake();
    f.connection.sendAway();
    f.clock.advance(10_000);
    expect(f.res.writes).toHaveLength(2);
  });

  it('flushes after each write where a compression middleware holds back', async () => {
    f.res.close();
    f.prepare({}, new FakeResponse(true));
    f.append(1);
    f.open();
    f.append(2);
    await turn();
    expect(f.res.flushes).toBe(f.res.writes.length);
    expect(f.res.flushes).toBe(3);
  });

  it('writes a gap for missing events, with the id after which it goes on', () => {
    for (let n = 1; n <= 200; n++) f.append(n);
    f.open();
    const to = f.feed.log.firstSeq - 1;
    const gap = encodeEvent(f.feed.record.resumeKey, to, 'gap', `{"from":1,"to":${to},"reason":"trimmed"}`);
    expect(f.res.writes[1]).toBe(gap);
    expect(f.res.text.endsWith(f.event(200))).toBe(true);
  });

  it('writes a snapshot under the seq that it stands for', () => {
    f.append(1, 2);
    jest.spyOn(f.feed, 'snapshot').mockReturnValue({ seq: 2, json: '{"n":2}' });
    f.open({ snapshot: true });
    expect(f.res.writes).toEqual([PRELUDE, encodeEvent(f.feed.record.resumeKey, 2, 'snapshot', '{"n":2}')]);
  });

  describe('while the socket is full', () => {
    it('writes nothing and keeps its position, then goes on from there', async () => {
      f.append(1);
      f.res.full = true;
      f.open();
      expect(f.res.writes).toEqual([PRELUDE]);
      expect(f.source.position).toBe(0);
      f.append(2);
      await turn();
      expect(f.res.writes).toEqual([PRELUDE]);
      f.res.drain();
      expect(f.res.writes.slice(1)).toEqual([f.event(1) + f.event(2)]);
    });

    it('writes one piece per drain as long as the socket takes no more', () => {
      for (let n = 1; n <= 80; n++) f.append(n);
      f.open();
      const pieces = f.res.writes.length;
      expect(pieces).toBeGreaterThan(4);
      f.res.close();
      f.prepare();
      f.res.full = true;
      f.open();
      for (let written = 1; written < pieces; written++) {
        expect(f.res.writes).toHaveLength(written);
        f.res.emit('drain');
      }
      expect(f.source.position).toBe(80);
    });

    it('writes a gap for events that were trimmed meanwhile', async () => {
      f.open();
      f.res.full = true;
      f.append(1);
      await turn();
      for (let n = 2; n <= 300; n++) f.append(n);
      await turn();
      expect(f.res.writes).toEqual([PRELUDE, f.event(1)]);
      f.res.drain();
      expect(f.res.writes[2]).toContain('event: gap\ndata: {"from":2,');
      expect(f.res.text.endsWith(f.event(300))).toBe(true);
    });

    it('ends only after the terminal event was written', async () => {
      f.res.full = true;
      f.open();
      void f.writer.finish('completed', '{}');
      await turn();
      expect(f.res.ended).toBe(false);
      f.res.drain();
      expect(f.res.text).toBe(PRELUDE + f.end(1));
      expect(f.res.ended).toBe(true);
    });

    it('ends although the terminal event itself fills the socket', async () => {
      f.open();
      f.res.full = true;
      void f.writer.finish('completed', '{}');
      await turn();
      expect(f.res.ended).toBe(true);
    });
  });

  describe('to a task that is forgotten', () => {
    it('is cut, never ended, so that the client asks again', async () => {
      f.open();
      f.append(1);
      f.feed.log.discard();
      await turn();
      expect(f.res).toMatchObject({ destroyed: true, ended: false });
    });

    it('writes nothing more, whoever wakes, beats or retires it', () => {
      f.open();
      f.append(1);
      f.feed.log.discard();
      f.connection.wake();
      f.connection.wake();
      f.connection.sendAway();
      f.clock.advance(10_000);
      expect(f.res.writes).toEqual([PRELUDE]);
      expect(f.res).toMatchObject({ destroyed: true, ended: false });
    });
  });

  describe('whose client leaves', () => {
    it('lets go of its task and timer, and reports its position', async () => {
      f.append(1, 2);
      f.open();
      expect(f.feed.record.subscribers).toBe(1);
      expect(f.clock.timers).toBe(1);
      f.res.close();
      await f.connection.closed();
      expect(f.feed.record.subscribers).toBe(0);
      expect(f.feed.record.audience.departedAt('ann')).toBe(2);
      expect(f.heartbeat.size).toBe(0);
      expect(f.clock.timers).toBe(0);
      f.append(3);
      await turn();
      f.res.emit('drain');
      expect(f.res.writes).toHaveLength(2);
    });

    it('is refused where the client had left before it was opened', async () => {
      f.res.close();
      await f.connection.closed();
      expect(f.heartbeat.size).toBe(0);
    });
  });

  it('is cut where the write of its response throws, and others go on', async () => {
    f.open();
    const broken = f.res;
    broken.write = () => {
      throw new Error('A middleware that fails');
    };
    f.prepare();
    f.open();
    f.append(1);
    await turn();
    expect(broken).toMatchObject({ destroyed: true, ended: false });
    expect(f.res.writes).toEqual([PRELUDE, f.event(1)]);
  });

  it('writes nothing to a response that somebody else has ended', async () => {
    f.open();
    f.res.end();
    f.append(1);
    await turn();
    f.clock.advance(1_000);
    f.connection.sendAway();
    expect(f.res.writes).toEqual([PRELUDE]);
  });
});
