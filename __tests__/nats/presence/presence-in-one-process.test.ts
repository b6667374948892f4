import { createPresence } from '../../../lib/nats/index.js';

describe('presence in one process', () => {
  it('knows who is online, and reports once who goes', () => {
    const presence = createPresence();
    const gone: string[] = [];
    const off = presence.onClientOffline((id) => gone.push(id));
    presence.markClientOnline('a');
    presence.markClientOnline('a');
    expect(presence.isClientOnline('a')).toBe(true);
    presence.markClientOffline('a');
    presence.markClientOffline('a');
    expect([presence.isClientOnline('a'), gone]).toEqual([false, ['a']]);
    presence.markClientOnline('a');
    expect(presence.isClientOnline('a')).toBe(true);
    off();
    presence.markClientOffline('a');
    expect(gone).toEqual(['a']);
  });

  it('takes an unknown id for online until the listener is ready', async () => {
    const presence = createPresence();
    const signal = presence.signalFor('unknown');
    expect([presence.isClientOnline('unknown'), signal.aborted]).toEqual([true, false]);
    await presence.startClientOfflineListener();
    expect([presence.isClientOnline('unknown'), signal.aborted]).toEqual([false, true]);
    expect(signal.reason).toMatchObject({ code: 'CLIENT_OFFLINE' });
  });

  it('remembers a bounded number of those who went before the listener is ready', () => {
    const presence = createPresence();
    for (let n = 0; n <= 10_000; n++) {
      presence.markClientOnline(`c${n}`);
      presence.markClientOffline(`c${n}`);
    }
    expect([presence.isClientOnline('c10000'), presence.isClientOnline('c1')]).toEqual([false, false]);
    expect(presence.isClientOnline('c0')).toBe(true); // unknown again
  });

  it('has one signal for a client until it goes, and a new one when it is back', () => {
    const presence = createPresence();
    presence.markClientOnline('a');
    const first = presence.signalFor('a');
    expect(presence.signalFor('a')).toBe(first);
    presence.markClientOffline('a');
    expect(first.aborted).toBe(true);
    expect(presence.signalFor('a').aborted).toBe(true);
    presence.markClientOnline('a');
    expect(presence.signalFor('a').aborted).toBe(false);
  });

  it('tells everybody although one listener throws, and another rejects', async () => {
    const presence = createPresence();
    const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const gone: string[] = [];
    presence.onClientOffline(() => {
      throw new Error('mine');
    });
    presence.onClientOffline(() => Promise.reject(new Error('mine too')) as never);
    presence.onClientOffline((id) => gone.push(id));
    presence.markClientOnline('a');
    presence.signalFor('a').addEventListener('abort', () => {
      throw new Error('mine as well');
    });
    presence.markClientOffline('a');
    expect(gone).toEqual(['a']);
    await new Promise(setImmediate);
    expect(warn).toHaveBeenCalledTimes(3);
    expect(warn).toHaveBeenCalledWith(
      expect.stringContaining('mine'),
      expect.objectContaining({ type: 'CallbackWarning' }),
    );
    warn.mockRestore();
  });

  it.each([
    '',
    'a.b',
    '*',
    '>',
    'a b',
    'a\tb',
    'a\r\nb',
    'a\0',
    'ä',
    '☃',
    'x'.repeat(129),
    undefined,
    null,
    5,
    {},
    ['a'],
  ])('refuses %j as an id, and takes it for nobody', (id) => {
    const presence = createPresence();
    const refused = expect.objectContaining({ code: 'INVALID_CLIENT_ID' });
    expect(() => presence.markClientOnline(id as string)).toThrow(refused);
    expect(() => presence.signalFor(id as string)).toThrow(refused);
    expect(() => presence.markClientOffline(id as string)).not.toThrow();
  });

  it.each(['__proto__', 'constructor', '$SYS', '_INBOX', 'x'.repeat(128)])('treats %s as an id like others', (id) => {
    const presence = createPresence();
    presence.markClientOnline(id);
    expect(presence.isClientOnline(id)).toBe(true);
    presence.markClientOffline(id);
    expect(presence.isClientOnline(id)).toBe(false);
  });
});
