import { AsyncLocalStorage } from 'node:async_hooks';
import { Subscription } from '../../lib/core/log/subscription.js';
import { Connection } from '../../lib/sse/connection.js';
import { LogEncoder } from '../../lib/sse/log-encoder.js';
import { ConnectionFixture, PRELUDE } from '../support/sse/connection-fixture.js';
import { FakeResponse } from '../support/sse/fake-response.js';
import { ProcessGuard } from '../support/processes/process-guard.js';
import { turn } from '../support/jobs/run-fixture.js';

const throwing = () => {
  throw new Error('A middleware that fails');
};

/** A second reader of the fixture's log, on the fixture's heartbeat. */
function openAnother(f: ConnectionFixture, res = new FakeResponse()): { res: FakeResponse; source: Subscription } {
  const connection = new Connection(res.as(), new LogEncoder(f.feed.record.resumeKey), f.heartbeat);
  const source = new Subscription(f.feed, 'bob', { position: 0, snapshot: false }, connection);
  connection.open(PRELUDE, source);
  return { res, source };
}

describe('A response whose functions throw', () => {
  let f: ConnectionFixture;
  let warnings: jest.SpyInstance;
  let guard: ProcessGuard;

  beforeEach(() => {
    warnings = jest.spyOn(process, 'emitWarning').mockReturnValue();
    guard = new ProcessGuard();
    f = new ConnectionFixture();
  });

  afterEach(async () => {
    f.res.close();
    await turn();
    expect(guard.take()).toEqual([]);
    guard.close();
    warnings.mockRestore();
  });

  const BROKEN: [name: string, names: (keyof FakeResponse)[]][] = [
    ['end', ['end']],
    ['write', ['write']],
    ['end and destroy', ['end', 'destroy']],
    ['write and destroy', ['write', 'destroy']],
  ];

  it.each(BROKEN)('in %s keeps no other reader from the terminal event', async (_what, names) => {
    f.open();
    for (const name of names) Object.assign(f.res, { [name]: throwing });
    const other = openAnother(f);
    void f.writer.finish('completed', '{}');
    await turn();
    expect(other.res.text).toBe(PRELUDE + f.end(1));
    expect(other.res.ended).toBe(true);
    expect(warnings).toHaveBeenCalledWith(expect.stringContaining('A middleware that fails'), {
      type: 'CallbackWarning',
      detail: expect.stringMatching(/^in (write|end|destroy) of a response$/),
    });
  });

  it.each(BROKEN)('in %s keeps nobody from being sent away', (_what, names) => {
    f.open();
    for (const name of names) Object.assign(f.res, { [name]: throwing });
    const other = openAnother(f);
    f.heartbeat.sendAllAway();
    expect(other.res.ended).toBe(true);
  });

  it.each(BROKEN)('in %s keeps nobody from their heartbeat, and their stall', (_what, names) => {
    f.open();
    for (const name of names) Object.assign(f.res, { [name]: throwing });
    const other = openAnother(f);
    f.clock.advance(1_000);
    expect(other.res.text).toContain(': heartbeat');
  });

  it('in flush is cut off', async () => {
    f.res.close();
    f.prepare({}, new FakeResponse(true));
    Object.assign(f.res, { flush: throwing });
    f.open();
    expect(f.res.destroyed).toBe(true);
  });

  it.each(['end', 'write', 'flush', 'destroy'] as const)('later, in a promise of %s, is cut off', async (name) => {
    f.res.close();
    f.prepare({}, new FakeResponse(true));
    f.open();
    // A middleware that saves a session before it ends the response, and cannot.
    Object.assign(f.res, { [name]: () => Promise.reject(new Error('A middleware that fails')) });
    f.append(1);
    f.connection.wake();
    if (name === 'destroy') f.connection.cut();
    f.heartbeat.sendAllAway();
    for (let turns = 0; turns < 3; turns++) await turn();
    expect(f.res.destroyed).toBe(name !== 'destroy');
    expect(warnings).toHaveBeenCalledWith(expect.stringContaining('A middleware that fails'), {
      type: 'CallbackWarning',
      detail: `in ${name} of a response`,
    });
  });

  it('in everything leaves nothing behind', () => {
    f.open();
    Object.assign(f.res, { write: throwing, end: throwing, destroy: throwing });
    f.append(1);
    f.connection.wake();
    expect([f.heartbeat.size, f.feed.record.subscribers]).toEqual([0, 0]);
  });
});

describe('A response whose write', () => {
  let f: ConnectionFixture;
  beforeEach(() => {
    f = new ConnectionFixture();
  });
  afterEach(() => f.res.close());

  it('returns undefined gets everything at once', async () => {
    f.res.write = ((frames: string | Buffer) => void f.res.writes.push(frames.toString())) as never;
    f.append(1);
    f.open();
    f.append(2);
    await turn();
    expect(f.res.text).toBe(PRELUDE + f.event(1) + f.event(2));
  });

  it('returns undefined while the response needs a drain gets the rest after that', async () => {
    Object.assign(f.res, { writableNeedDrain: true });
    f.res.write = ((frames: string | Buffer) => void f.res.writes.push(frames.toString())) as never;
    f.append(1);
    f.open();
    expect(f.res.text).toBe(PRELUDE);
    Object.assign(f.res, { writableNeedDrain: false });
    f.res.drain();
    expect(f.res.text).toBe(PRELUDE + f.event(1));
  });
});

describe('A client that reads a large write slowly', () => {
  const socket = { bytesWritten: 10_000_000, writableLength: 10_000_000, _handle: { writeQueueSize: 9_000_000 } };

  it('is not cut as long as its connection takes anything, and after a stall when it does not', () => {
    const f = new ConnectionFixture();
    f.append(1);
    f.res.full = true;
    Object.assign(f.res, { socket });
    f.open();
    for (let second = 0; second < 60; second++) {
      socket._handle.writeQueueSize -= 100_000;
      f.clock.advance(1_000);
    }
    expect(f.res.destroyed).toBe(false);
    f.clock.advance(4_000);
    expect(f.res.destroyed).toBe(true);
    f.res.close();
  });

  it('is recognised over TLS, where only the socket underneath shows progress', () => {
    const f = new ConnectionFixture();
    const parent = { writeQueueSize: 9_000_000 };
    f.append(1);
    f.res.full = true;
    Object.assign(f.res, { socket: { ...socket, _handle: { writeQueueSize: 9_000_000, _parent: parent } } });
    f.open();
    for (let second = 0; second < 10; second++) {
      parent.writeQueueSize -= 100_000;
      f.clock.advance(1_000);
    }
    expect(f.res.destroyed).toBe(false);
    f.res.close();
  });
});

describe('The functions of a response', () => {
  it('run in the AsyncLocalStorage context of its own request, whoever appends and whatever the timer', async () => {
    const storage = new AsyncLocalStorage<string>();
    const f = new ConnectionFixture();
    const seen: (string | undefined)[] = [];
    const watched = (): FakeResponse => {
      const res = new FakeResponse();
      const write = res.write.bind(res);
      const end = res.end.bind(res);
      res.write = (frames) => {
        seen.push(storage.getStore());
        return write(frames);
      };
      res.end = () => {
        seen.push(storage.getStore());
        end();
      };
      return res;
    };
    const seenBy = async (act: () => unknown): Promise<(string | undefined)[]> => {
      await act();
      await turn();
      return seen.splice(0);
    };
    storage.run('ann', () => {
      f.res.close();
      f.prepare({}, watched());
      f.open();
    });
    const bob = storage.run('bob', () => openAnother(f, watched()));
    seen.splice(0);
    expect(await seenBy(() => storage.run('job', () => f.append(1)))).toEqual(['ann', 'bob']);
    expect(await seenBy(() => storage.run('eve', () => f.clock.advance(1_000)))).toEqual(['ann', 'bob']);
    bob.res.full = true;
    await seenBy(() => f.append(2));
    f.append(3);
    await turn();
    seen.splice(0);
    expect(await seenBy(() => storage.run('eve', () => bob.res.drain()))).toEqual(['bob']);
    expect(await seenBy(() => storage.run('job', () => f.writer.finish('completed', '{}')))).toEqual([
      'ann',
      'ann',
      'bob',
      'bob',
    ]);
    f.res.close();
    bob.res.close();
  });
});

describe('A response that never says that it is over', () => {
  it('leaves nothing behind soon after it was cut', () => {
    const f = new ConnectionFixture();
    f.res.destroy = () => undefined;
    f.append(1);
    f.res.full = true;
    f.open();
    expect([f.heartbeat.size, f.feed.record.subscribers]).toEqual([1, 1]);
    f.clock.advance(5_000);
    expect([f.heartbeat.size, f.feed.record.subscribers]).toEqual([0, 0]);
    f.res.close();
    expect(f.feed.record.subscribers).toBe(0);
  });

  it('leaves nothing behind when its task has ended', async () => {
    const f = new ConnectionFixture();
    f.res.end = () => undefined;
    f.res.destroy = () => undefined;
    f.open();
    void f.writer.finish('completed', '{}');
    await turn();
    f.clock.advance(5_000);
    expect([f.heartbeat.size, f.feed.record.subscribers]).toEqual([0, 0]);
  });
});
