import { headers, type MsgHdrs, type NatsConnection } from '@nats-io/transport-node';
import type { ResponseStream } from '../../../lib/nats/index.js';
import { body, ForgedWorker } from '../../support/nats/forged-frames.js';
import { describeWithNats } from '../../support/nats/nats-server.js';
import { Calls, codeOf, nextOf, outcomeOf, ANN, useParties } from '../../support/nats/stream-parties.js';
import { until } from '../../support/clock/until.js';

describeWithNats('a message that no worker or requester of ours would send', () => {
  const here = useParties('forged', { beatMs: 60_000, windowMessages: 4 });
  let link: NatsConnection;

  beforeAll(async () => {
    link = await here.nats.connect();
    here.gateway.presence.markClientOnline(ANN);
  });

  const open = async (): Promise<{ stream: ResponseStream; worker: ForgedWorker; texts: () => Promise<string[]> }> => {
    let stream: ResponseStream | undefined;
    const worker = await ForgedWorker.answer(link, here.subject, () => {
      stream = here.gateway.requester.streamRequestWithClient(here.subject, '', ANN);
    });
    const opened = stream!;
    const texts = async (): Promise<string[]> => {
      const read: string[] = [];
      for await (const message of opened) read.push(message.string());
      return read;
    };
    return { stream: opened, worker, texts };
  };
  const dropped = (): number => here.gateway.requester.getStatistics().dropped;

  it('is dropped and counted where it is malformed, doubled, old, or of another sender', async () => {
    const before = dropped();
    const { worker, texts } = await open();
    worker.send('data', 1, body('one'));
    const wrong: Parameters<ForgedWorker['send']>[] = [
      ['data', 1, body('one')], // twice
      ['data', 1, body('one', 'two')], // begins before what has come
      ['data', 0, body('zero')],
      ['data', -1, body('x')],
      ['data', '1e3', body('x')],
      ['data', ' ', body('x')],
      ['data', '9'.repeat(16), body('x')],
      ['data', 2, 'no length'],
      ['data', 2, Buffer.from([0, 0, 0, 9, 1])], // shorter than it says
      ['data', 2, ''], // no message
      ['error', 1, 'not JSON'],
      ['error', 1, '{"code":"no code","message":"x"}'],
      ['error', 1, '{"code":5}'],
      ['unknown', 2, ''],
      ['', 2, ''],
      ['data', 2, body('x'), ''], // nobody to answer
      ['data', 2, body('x'), '_INBOX.somebody.else'],
      ['end', 1, '', '_INBOX.somebody.else'],
    ];
    for (const frame of wrong) worker.send(...frame);
    link.publish(worker.inbox, 'no headers', { reply: worker.control });
    worker.send('data', 2, body('two', 'three'));
    worker.send('end', 3);
    expect(await texts()).toEqual(['one', 'two', 'three']);
    expect(dropped() - before).toBe(wrong.length + 1);
  });

  it.each<[string, (worker: ForgedWorker) => void]>([
    ['a message that is missing', (worker) => worker.send('data', 3, body('three'))],
    ['a last message that is missing, by a beat', (worker) => worker.send('beat', 2)],
    ['a last message that is missing, by the end', (worker) => worker.send('end', 2)],
    ['a last message that is missing, by an error', (worker) => worker.send('error', 2, '{"code":"X","message":""}')],
    ['an end before the last message', (worker) => worker.send('end', 0)],
    ['more than it has credit for', (worker) => worker.send('data', 2, body('a', 'b', 'c', 'd', 'e'))],
  ])('ends the stream with WORKER_PROTOCOL_ERROR: %s', async (_what, misbehave) => {
    const { stream, worker } = await open();
    worker.send('data', 1, body('one'));
    misbehave(worker);
    await until(() => worker.heard.includes('stop'));
    expect(await outcomeOf(stream)).toBe('WORKER_PROTOCOL_ERROR');
    expect(await codeOf(stream.finished)).toBe('WORKER_PROTOCOL_ERROR');
  });

  it('leaves the messages before a gap intact', async () => {
    const { stream, worker } = await open();
    worker.send('data', 1, body('one'));
    worker.send('data', 3, body('three'));
    await until(() => worker.heard.includes('stop'));
    const iterator = stream[Symbol.asyncIterator]();
    expect((await nextOf(iterator)).string()).toBe('one');
    expect(await codeOf(iterator.next())).toBe('WORKER_PROTOCOL_ERROR');
  });

  it('does not disturb credit: a beat is answered with all of it, and more is given when half a window is free', async () => {
    const { stream, worker } = await open();
    worker.send('beat', 0);
    await until(() => worker.heard.length === 1);
    worker.send('data', 1, body('a', 'bb', 'ccc'));
    const iterator = stream[Symbol.asyncIterator]();
    for (let n = 0; n < 3; n++) await iterator.next();
    await until(() => worker.heard.length === 2);
    worker.send('beat', 3);
    await until(() => worker.heard.length === 3);
    expect(worker.heard).toEqual(['credit 0 0 1 0', 'credit 2 3 1 0', 'credit 3 6 1 0']);
    await iterator.return?.(undefined);
  });

  describe('at the worker', () => {
    let calls: Calls;

    beforeEach(async () => {
      calls = new Calls();
      here.worker.responder.subscribe(here.subject, calls.handler);
      await here.worker.connection.flush();
    });

    const terms = (change: Record<string, string> = {}): MsgHdrs => {
      const head = headers();
      const right = { Client: ANN, Origin: `${'A'.repeat(22)} 0`, Beat: '1000', Window: '10 1024' };
      for (const [key, value] of Object.entries({ ...right, ...change }))
        if (value !== '') head.set(`Stream-${key}`, value);
      return head;
    };

    it('is dropped and counted where it is a request that no requester sends', async () => {
      const before = here.worker.responder.getStatistics().dropped;
      const wrong: Record<string, string>[] = [
        ...['', 'a.b', '*', 'a b', 'x'.repeat(129)].map((Client) => ({ Client })),
        ...['', 'x 0', `${'A'.repeat(22)} -1`, 'A'.repeat(22)].map((Origin) => ({ Origin })),
        ...['', '0', '1', '60001', 'NaN', '1e3x', 'Infinity'].map((Beat) => ({ Beat })),
        ...['', '1', '0 0', '1 1024', '10 10', '10 x', '99999999 1024'].map((Window) => ({ Window })),
      ];
      for (const change of wrong) link.publish(here.subject, '', { headers: terms(change), reply: '_INBOX.r' });
      link.publish(here.subject, 'no headers', { reply: '_INBOX.r' });
      link.publish(here.subject, 'no inbox', { headers: terms() });
      link.publish(here.subject, 'right', { headers: terms(), reply: '_INBOX.r' });
      const { request, done } = await calls.call();
      expect(Buffer.from(request.data).toString()).toBe('right');
      done();
      expect(here.worker.responder.getStatistics().dropped - before).toBe(wrong.length + 2);
    });

    it('does not count as an answer where it was sent before the question', async () => {
      const frames = link.subscribe(`_INBOX.${here.subject}`);
      link.publish(here.subject, '', { headers: terms({ Beat: '60000' }), reply: `_INBOX.${here.subject}` });
      const { request, done } = await calls.call();
      const iterator = frames[Symbol.asyncIterator]();
      const control = (await nextOf(iterator)).reply!;
      const [first, second] = [request.watchers(), request.watchers()];
      const questions = [await nextOf(iterator), await nextOf(iterator)].map(({ headers: head }) =>
        head?.get('Stream-Question'),
      );
      expect(questions).toEqual(['1', '2']);
      for (const answer of ['credit 0 0 7 0', 'credit 0 0 8 1', 'credit 0 0 9 1', 'credit 0 0 5 2'])
        link.publish(control, answer);
      expect(await Promise.all([first, second])).toEqual([8, 5]);
      done();
    });

    it('is dropped and counted where it is an answer that no requester sends, and ignored where it is late', async () => {
      const before = here.worker.responder.getStatistics().dropped;
      const frames = link.subscribe(`_INBOX.${here.subject}`);
      link.publish(here.subject, '', { headers: terms(), reply: `_INBOX.${here.subject}` });
      const { request, sender, done } = await calls.call();
      await sender.send('one');
      const control = (await nextOf(frames[Symbol.asyncIterator]())).reply!;
      const wrong = [
        '',
        'x',
        'stop ',
        'STOP',
        'credit',
        'credit 1',
        'credit 1 3 1',
        'credit -1 0 1 0',
        'credit 2 3 1 0',
        'credit 1 4 1 0',
      ];
      for (const text of wrong) link.publish(control, text);
      link.publish(control, 'credit 1 3 7 0');
      await until(() => here.worker.responder.getStatistics().dropped - before === wrong.length);
      expect(request.signal.aborted).toBe(false);
      done();
      await until(() => here.worker.responder.getStatistics().running === 0);
      for (const text of ['stop', 'credit 1 3 1 0', 'x']) link.publish(control, text);
      await link.flush();
      await here.worker.connection.flush();
      expect(here.worker.responder.getStatistics().dropped - before).toBe(wrong.length);
    });
  });
});
