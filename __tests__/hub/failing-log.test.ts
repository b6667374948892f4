/** A hub whose log, which may be the application's own, fails: nothing has changed then, and no process ends. */
import { createHub, type HubLog } from '../../lib/index.js';
import { fakeRequest, MemoryResponse } from '../support/sse/memory-response.js';
import { ProcessGuard } from '../support/processes/process-guard.js';
import { boom, WAYS_TO_FAIL } from '../support/jobs/ways-to-fail.js';

/** A log whose functions work until the test says otherwise. */
function createLog(): HubLog & { broken: Partial<Record<'open' | 'append' | 'close', () => unknown>> } {
  let commit: Parameters<HubLog['open']>[0] | undefined;
  let seq = 0;
  return {
    epoch: 'A'.repeat(22),
    broken: {},
    open(given) {
      if (this.broken.open) return this.broken.open() as undefined;
      commit = given;
    },
    append(entry) {
      if (this.broken.append) return this.broken.append() as undefined;
      commit?.(++seq, entry);
    },
    close() {
      if (this.broken.close) return this.broken.close() as undefined;
      commit = undefined;
    },
  };
}

/** Nothing waits for what a log returns, so an object that is no promise fails nobody. */
const WAYS = WAYS_TO_FAIL.filter(([how]) => how !== 'returns an object whose then throws');

describe.each(WAYS)('a log that %s', (_how, fail) => {
  let guard: ProcessGuard;
  let warn: jest.SpyInstance;
  beforeEach(() => {
    warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    guard = new ProcessGuard();
  });
  afterEach(async () => {
    for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate);
    expect(guard.take()).toEqual([]);
    guard.close();
    warn.mockRestore();
  });
  const failed = expect.objectContaining({ code: 'CALLBACK_FAILED' });

  it('when it is opened refuses the client, and the next one opens it', async () => {
    const log = createLog();
    const hub = createHub({ log });
    log.broken.open = fail;
    expect(() => hub.connect(fakeRequest('/'), new MemoryResponse().res)).toThrow(failed);
    expect(hub.getStatistics()).toMatchObject({ activeConnections: 0, totalConnections: 0 });
    log.broken.open = undefined as never;
    const response = new MemoryResponse();
    hub.connect(fakeRequest('/'), response.res);
    expect(hub.broadcast({ data: 1 })).toBe(1);
    await new Promise(setImmediate);
    expect(hub.getStatistics().totalMessages).toBe(1);
    await hub.stop();
  });

  it('when it is given a message tells the publisher', async () => {
    const log = createLog();
    const hub = createHub({ log });
    log.broken.append = fail;
    expect(() => hub.broadcast({ data: 1 })).toThrow(failed);
    await hub.stop();
  });

  it('when it is closed ends all connections all the same, and tells whoever stops the hub', async () => {
    const log = createLog();
    const hub = createHub({ log });
    const response = new MemoryResponse();
    hub.connect(fakeRequest('/'), response.res);
    log.broken.close = fail;
    await expect(hub.stop()).rejects.toEqual(failed);
    expect([response.ended, hub.getActiveClientCount()]).toEqual([true, 0]);
    await hub.stop();
  });
});

it('the error of a log is the cause of what its publisher is told', () => {
  const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
  const log = createLog();
  log.broken.append = WAYS_TO_FAIL[0]![1];
  expect(() => createHub({ log }).broadcast({ data: 1 })).toThrow(expect.objectContaining({ cause: boom }));
  warn.mockRestore();
});

it.each([undefined, 5, '', 'short', `${'A'.repeat(21)}\n`])('a log is refused whose epoch is %j', (epoch) => {
  const log = { ...createLog(), epoch } as HubLog;
  expect(() => createHub({ log })).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
});
