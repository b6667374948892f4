import { TaskError, type ResponseSender } from '../../../lib/nats/index.js';
import { frame } from '../../support/nats/forged-frames.js';
import { loopUntilTurn } from '../../support/clock/loop-until-turn.js';
import { describeWithNats } from '../../support/nats/nats-server.js';
import { ANN, Calls, aborted, nextOf, outcomeOf, textsOf } from '../../support/nats/stream-parties.js';
import { useStream } from './stream-fixture.js';

describeWithNats('a stream that is stopped', () => {
  const { here, subscribe, request } = useStream();
  let calls: Calls;

  beforeEach(() => {
    calls = new Calls();
  });

  it('warns of an abort listener that throws', async () => {
    const warn = jest.spyOn(process, 'emitWarning').mockReturnValue();
    await subscribe(calls.handler);
    const outcome = outcomeOf(request());
    const { request: received } = await calls.call();
    received.signal.addEventListener('abort', () => {
      throw new Error('mine');
    });
    here.gateway.presence.markClientOffline(ANN);
    await aborted(received.signal);
    await outcome;
    expect(warn).toHaveBeenCalledWith(
      expect.stringContaining('mine'),
      expect.objectContaining({ type: 'CallbackWarning' }),
    );
    warn.mockRestore();
  });

  it.each<[what: string, call: (sender: ResponseSender, watchers: () => Promise<number>) => Promise<unknown>]>([
    ['sends', (sender) => sender.send('two')],
    ['ends', (sender) => sender.end()],
    ['asks who watches', (_sender, watchers) => watchers()],
  ])('starves nobody where its worker %s again and again, though nobody is there', async (_what, call) => {
    await subscribe(calls.handler);
    const outcome = outcomeOf(request());
    const { request: received, sender } = await calls.call();
    here.gateway.presence.markClientOffline(ANN);
    await aborted(received.signal);
    expect(await loopUntilTurn(() => call(sender, () => received.watchers()))).toBe('the loop has turned');
    await outcome;
  });

  it('stops the worker when the loop is left, the signal aborts, or onMessage says false', async () => {
    await subscribe(calls.handler);
    const left = request();
    const first = await calls.call(1);
    void first.sender.send('one');
    for await (const _message of left) break;
    await aborted(first.request.signal);
    expect(await left.finished).toBeUndefined();

    const controller = new AbortController();
    const cancelled = outcomeOf(request({ signal: controller.signal }));
    const second = await calls.call(2);
    controller.abort(new TaskError('TASK_CANCELLED', 'No longer wanted'));
    expect([await cancelled, await aborted(second.request.signal)]).toEqual([
      'TASK_CANCELLED',
      expect.objectContaining({ code: 'CLIENT_OFFLINE' }),
    ]);

    const texts: string[] = [];
    const called = request({ onMessage: (message) => texts.push(message.string()) < 2 });
    const third = await calls.call(3);
    for (const text of ['one', 'two', 'three']) void third.sender.send(text);
    await aborted(third.request.signal);
    expect([texts, await called.finished]).toEqual([['one', 'two'], undefined]);
  });

  it('gives messages to an onMessage that returns nothing, and the result at the end', async () => {
    await subscribe(async (_request, sender) => {
      await sender.send('one');
      await sender.send('two');
    });
    const texts: string[] = [];
    const stream = request({
      onMessage: (message) => {
        texts.push(message.string());
        return undefined;
      },
    });
    expect([(await stream.finished)?.length, texts]).toEqual([0, ['one', 'two']]);
    expect(await textsOf(stream)).toEqual([]);
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('mine');
      },
    ],
    ['rejects with', () => Promise.reject(new Error('mine')) as unknown as boolean],
  ])('ends with what onMessage %s', async (_how, onMessage) => {
    await subscribe(calls.handler);
    const stream = request({ onMessage });
    const { request: received, sender } = await calls.call();
    void sender.send('one');
    await aborted(received.signal);
    await expect(stream.finished).rejects.toThrow('mine');
  });

  it('sends nothing where the request is stopped before it begins', async () => {
    await subscribe(calls.handler);
    expect(await outcomeOf(request({ signal: AbortSignal.abort(new TaskError('TASK_CANCELLED', 'x')) }))).toBe(
      'TASK_CANCELLED',
    );
    here.gateway.presence.markClientOffline(ANN);
    expect(await outcomeOf(request())).toBe('CLIENT_OFFLINE');
    here.gateway.presence.markClientOnline(ANN);
    void request();
    await calls.call();
    expect(calls.count).toBe(1);
  });

  it('may be stopped before the start, twice, and after the end', async () => {
    await subscribe(async (_request, sender) => sender.send('one'));
    const controller = new AbortController();
    const early = request({ signal: controller.signal });
    controller.abort(new TaskError('TASK_CANCELLED', 'at once'));
    controller.abort();
    expect(await outcomeOf(early)).toBe('TASK_CANCELLED');
    const late = new AbortController();
    const stream = request({ signal: late.signal });
    expect(await textsOf(stream)).toEqual(['one']);
    late.abort();
    await stream[Symbol.asyncIterator]().return?.();
    here.gateway.presence.markClientOffline(ANN);
    expect((await stream.finished)?.length).toBe(0);
  });

  it('stops a worker that answers after the stop', async () => {
    const slow = await here.nats.connect();
    const requests = slow.subscribe(here.subject);
    await slow.flush();
    const controller = new AbortController();
    const stream = outcomeOf(request({ signal: controller.signal }));
    const received = await nextOf(requests[Symbol.asyncIterator]());
    controller.abort(new TaskError('TASK_CANCELLED', 'x'));
    expect(await stream).toBe('TASK_CANCELLED');
    const control = `_INBOX.late.${process.pid}`;
    const answers = slow.subscribe(control, { max: 1 });
    slow.publish(received.reply!, '', { headers: frame('beat', 0), reply: control });
    expect((await nextOf(answers[Symbol.asyncIterator]())).string()).toBe('stop');
  });
});
