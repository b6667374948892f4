import { headers } from '@nats-io/transport-node';
import { createStreamRequester, TaskError } from '../../../lib/nats/index.js';
import type { PresenceNode } from '../../../lib/nats/presence/presence.js';
import { describeWithNats } from '../../support/nats-server.js';
import {
  aborted,
  Calls,
  codeOf,
  openGateway,
  nextOf,
  openWorker,
  outcomeOf,
  textsOf,
  type Gateway,
  type Worker,
  ANN,
  useParties,
} from '../../support/stream-parties.js';
import { frame } from '../../support/forged-frames.js';
import { until } from '../../support/until.js';

describeWithNats('a stream from a worker to a client of a gateway', () => {
  const here = useParties('jobs');
  let calls: Calls;

  beforeEach(() => {
    calls = new Calls();
    here.gateway.presence.markClientOnline(ANN);
  });
  afterEach(() => {
    here.gateway.presence.markClientOffline(ANN);
  });

  const subscribe = async (
    ...[handler, options]: Parameters<Worker['responder']['subscribe']> extends [string, ...infer R] ? R : never
  ) => {
    const subscription = here.worker.responder.subscribe(here.subject, handler, options);
    await here.worker.connection.flush();
    return subscription;
  };
  const request = (
    ...[options, data = 'go']: [Parameters<Gateway['requester']['streamRequestWithClient']>[3]?, string?]
  ) => here.gateway.requester.streamRequestWithClient(here.subject, data, ANN, options);

  it('gives what is sent, in order, with the result at the end', async () => {
    await subscribe(async ({ data, clientId, headers: head }, sender) => {
      for (let n = 1; n <= 3; n++)
        await sender.send(`${Buffer.from(data).toString()} ${n} for ${clientId} ${head.get('Trace')}`);
      await sender.end('three');
    });
    const head = headers();
    head.set('Trace', 't1');
    const stream = request({ headers: head }, 'part');
    expect(await textsOf(stream)).toEqual([1, 2, 3].map((n) => `part ${n} for ${ANN} t1`));
    expect(Buffer.from((await stream.finished)!).toString()).toBe('three');
  });

  it('ends when the handler does', async () => {
    await subscribe(async (_request, sender) => sender.send(new Uint8Array([0, 255])));
    const stream = request();
    const messages = [];
    for await (const message of stream) messages.push([message.seq, [...message.data]]);
    expect(messages).toEqual([[1, [0, 255]]]);
  });

  it('fails without a worker', async () => {
    expect(await outcomeOf(request())).toBe('NO_WORKER');
  });

  it('fails with the code of a TaskError, after what was sent before', async () => {
    await subscribe(async (_request, sender) => {
      void sender.send('one');
      throw new TaskError('INVALID_INPUT', 'No such model');
    });
    const texts: string[] = [];
    const reading = (async () => {
      for await (const message of request()) texts.push(message.string());
    })();
    await expect(reading).rejects.toMatchObject({ code: 'INVALID_INPUT', message: 'No such model' });
    expect(texts).toEqual(['one']);
  });

  it('hides the text of any other error', async () => {
    await subscribe(async () => {
      throw new Error('password=1234');
    });
    await expect(textsOf(request())).rejects.toMatchObject({ code: 'TASK_FAILED', message: 'The task failed' });
  });

  it('stops the worker when the client goes offline, and says so on both sides', async () => {
    await subscribe(calls.handler);
    const stream = request();
    const { request: received, sender } = await calls.call();
    await sender.send('one');
    const iterator = stream[Symbol.asyncIterator]();
    expect((await nextOf(iterator)).string()).toBe('one');
    const stopped = aborted(received.signal);
    here.gateway.presence.markClientOffline(ANN);
    expect(await stopped).toMatchObject({ code: 'CLIENT_OFFLINE' });
    expect(await codeOf(sender.send('two'))).toBe('CLIENT_OFFLINE');
    expect(await codeOf(sender.end())).toBe('CLIENT_OFFLINE');
    expect(await codeOf(iterator.next())).toBe('CLIENT_OFFLINE');
    expect(await codeOf(stream.finished)).toBe('CLIENT_OFFLINE');
  });

  it('warns of an abort listener of a handler that throws', async () => {
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

  it('gives messages to a function that says nothing, and the result at the end', async () => {
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

  it('takes a stop before the start, twice and after the end', async () => {
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

  it('tells a worker that answers after the stop', async () => {
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

  it('lets a worker be so far ahead of the loop and no further', async () => {
    const narrow = await openGateway(here.nats, { windowMessages: 10 });
    narrow.presence.markClientOnline('bob');
    await subscribe(calls.handler);
    const stream = narrow.requester.streamRequestWithClient(here.subject, '', 'bob');
    const { sender, done } = await calls.call();
    const sent: number[] = [];
    for (let n = 1; n <= 25; n++) void sender.send(String(n)).then(() => sent.push(n));
    await here.worker.connection.flush();
    await narrow.connection.flush(); // whatever credit there is has come
    await here.worker.connection.flush();
    expect(sent).toHaveLength(10);
    const iterator = stream[Symbol.asyncIterator]();
    for (let n = 1; n <= 5; n++) await iterator.next();
    await until(() => sent.length === 15);
    expect(sent.at(-1)).toBe(15);
    const ended = sender.end();
    done();
    const rest: string[] = [];
    for (let next = await iterator.next(); !next.done; next = await iterator.next()) rest.push(next.value.string());
    await ended;
    expect(rest).toEqual(Array.from({ length: 20 }, (_, index) => String(index + 6)));
  });

  it('shares what all may be ahead by among those that are open', async () => {
    const few = await openGateway(here.nats, { maxBufferedBytes: 1_048_576, windowBytes: 200_000 });
    few.presence.markClientOnline('bob');
    const requests = (await here.nats.connect()).subscribe(here.subject);
    await here.worker.connection.flush();
    const iterator = requests[Symbol.asyncIterator]();
    const open = async (): Promise<{ stop: AbortController; windowBytes: number }> => {
      const stop = new AbortController();
      void few.requester.streamRequestWithClient(here.subject, '', 'bob', { signal: stop.signal });
      const { headers: head } = await nextOf(iterator);
      return { stop, windowBytes: Number(head?.get('Stream-Window').split(' ')[1]) };
    };
    const streams = [await open(), await open(), await open()];
    expect(streams.map(({ windowBytes }) => windowBytes)).toEqual([200_000, 200_000, 162_144]);
    for (let n = 3; n < 20; n++) streams.push(await open());
    expect(streams.at(-1)!.windowBytes).toBe(32_768); // the least
    for (const { stop } of streams) stop.abort();
    expect((await open()).windowBytes).toBe(200_000);
    few.presence.markClientOffline('bob');
  });

  it('counts bytes as well', async () => {
    const narrow = await openGateway(here.nats, { windowBytes: 1_024 });
    narrow.presence.markClientOnline('bob');
    await subscribe(calls.handler);
    const stream = narrow.requester.streamRequestWithClient(here.subject, '', 'bob');
    const { sender, done } = await calls.call();
    let sent = 0;
    for (let n = 1; n <= 5; n++) void sender.send(new Uint8Array(600)).then(() => sent++);
    await here.worker.connection.flush();
    expect(sent).toBe(2); // the second began within the window
    done();
    expect((await textsOf(stream)).map((text) => text.length)).toEqual([600, 600, 600, 600, 600]);
  });

  it('refuses what is too large, at both ends, and goes on', async () => {
    const { max_payload: limit } = here.gateway.connection.info!;
    expect(() => request({}, 'x'.repeat(limit))).toThrow(expect.objectContaining({ code: 'EVENT_TOO_LARGE' }));
    await subscribe(async (_request, sender) => {
      expect(await codeOf(sender.send(new Uint8Array(limit)))).toBe('EVENT_TOO_LARGE');
      expect(await codeOf(sender.send(5 as never))).toBe('UNSERIALIZABLE');
      await sender.send(new Uint8Array(limit - 132)); // the largest
      for (let n = 0; n < 50; n++) await sender.send(new Uint8Array(100_000)); // more than one message holds
      await sender.end();
    });
    const sizes: number[] = [];
    for await (const { data } of request()) sizes.push(data.length);
    expect(sizes).toEqual([limit - 132, ...Array.from({ length: 50 }, () => 100_000)]);
  });

  it('does not notice when sent bytes change afterwards', async () => {
    await subscribe(async (_request, sender) => {
      const bytes = Buffer.from('a');
      await sender.send(bytes);
      bytes.write('b');
      await sender.send(bytes);
      bytes.write('c');
    });
    expect(await textsOf(request())).toEqual(['a', 'b']);
  });

  it('refuses messages after the end, and a second end', async () => {
    await subscribe(async (_request, sender) => {
      await sender.end('result');
      expect([await codeOf(sender.send('x')), await codeOf(sender.end())]).toEqual(['ENDED', 'ENDED']);
    });
    expect(await textsOf(request())).toEqual([]);
  });

  it('runs so many handlers at a time, lets so many wait, and cancels one that waits', async () => {
    const subscription = await subscribe(calls.handler, { maxConcurrent: 2, maxWaiting: 2 });
    const controller = new AbortController();
    const streams = [request(), request(), request({ signal: controller.signal }), request()];
    await until(() => subscription.waiting === 2);
    expect(await outcomeOf(request())).toBe('AT_CAPACITY');
    expect([calls.count, subscription.running]).toEqual([2, 2]);
    controller.abort(new TaskError('TASK_CANCELLED', 'x'));
    await until(() => subscription.waiting === 1);
    (await calls.call(1)).done();
    const fourth = await calls.call(3);
    expect(calls.count).toBe(3);
    (await calls.call(2)).done();
    fourth.done();
    const outcomes = await Promise.all(streams.map(outcomeOf));
    expect(outcomes).toEqual(['resolved', 'resolved', 'TASK_CANCELLED', 'resolved']);
    expect(here.worker.responder.getStatistics()).toMatchObject({ running: 0, waiting: 0 });
  });

  it('is answered by one worker of a queue group', async () => {
    const other = await openWorker(here.nats);
    const served = [0, 0];
    for (const [index, { responder, connection }] of [here.worker, other].entries()) {
      responder.subscribe(
        here.subject,
        async () => {
          served[index]! += 1;
        },
        { queue: 'workers' },
      );
      await connection.flush();
    }
    for (let n = 0; n < 40; n++) await textsOf(request());
    expect(served[0]! + served[1]!).toBe(40);
    expect(Math.min(...served)).toBeGreaterThan(0);
  });

  it('drains: what came is answered, what comes is not', async () => {
    const subscription = await subscribe(calls.handler);
    const stream = textsOf(request());
    const { sender, done } = await calls.call();
    const drained = subscription.drain();
    await here.worker.connection.flush();
    expect(await outcomeOf(request())).toBe('NO_WORKER');
    await sender.send('still');
    done();
    await drained;
    expect(await stream).toEqual(['still']);
  });

  it('ends what runs when a subscription ends at once', async () => {
    const subscription = await subscribe(calls.handler);
    const stream = outcomeOf(request());
    const { request: received } = await calls.call();
    subscription.unsubscribe();
    subscription.unsubscribe();
    expect([await stream, await aborted(received.signal)]).toEqual([
      'SHUTDOWN',
      expect.objectContaining({ code: 'SHUTDOWN' }),
    ]);
  });

  it('has ended an end that was under way as well', async () => {
    const subscription = await subscribe(calls.handler);
    void request();
    const { sender } = await calls.call();
    const ended = codeOf(sender.end());
    subscription.unsubscribe();
    expect(await ended).toBe('SHUTDOWN');
  });

  it('waits for no handler of a subscription that has ended, and takes none when it is stopped', async () => {
    const other = await openWorker(here.nats);
    const deaf = new Promise<void>(() => undefined);
    const started = new Promise<void>((resolve) => {
      other.responder.subscribe(here.subject, () => {
        resolve();
        return deaf;
      });
    });
    const subscription = other.responder.subscribe(`${here.subject}.more`, () => deaf);
    await other.connection.flush();
    const stream = outcomeOf(request());
    await started;
    await Promise.all([other.responder.stop({ graceMs: 0 }), subscription.drain()]);
    expect(await stream).toBe('SHUTDOWN');
    expect(() => other.responder.subscribe(here.subject, () => undefined)).toThrow(
      expect.objectContaining({ code: 'SHUTDOWN' }),
    );
  });

  it('does not remember subscriptions that have ended', async () => {
    const subscription = await subscribe(calls.handler);
    void request();
    const { done } = await calls.call();
    subscription.unsubscribe();
    expect(here.worker.responder.getStatistics()).toMatchObject({ running: 1 }); // until its handler is back
    done();
    await until(() => here.worker.responder.getStatistics().running === 0);
    const other = await openWorker(here.nats);
    const more = [1, 2].map(() => other.responder.subscribe(here.subject, calls.handler));
    const drains = more.map((each) => jest.spyOn(each, 'drain'));
    more[0]!.unsubscribe();
    await other.responder.stop();
    expect(drains.map(({ mock }) => mock.calls.length)).toEqual([0, 1]);
  });

  it('stops a responder after its grace, whatever its handlers do', async () => {
    const other = await openWorker(here.nats);
    other.responder.subscribe(here.subject, calls.handler);
    await other.connection.flush();
    const stream = outcomeOf(request());
    await calls.call();
    await Promise.all([other.responder.stop({ graceMs: 20 }), other.responder.stop()]);
    expect(await stream).toBe('SHUTDOWN');
  });

  it('tells a worker how many watch', async () => {
    await subscribe(calls.handler);
    let watchers = 3;
    void request({ watchers: () => watchers });
    const { request: received } = await calls.call();
    expect(await received.watchers()).toBe(3);
    watchers = 0;
    expect(await received.watchers()).toBe(0);
    here.gateway.presence.markClientOffline(ANN);
    expect(await codeOf(received.watchers())).toBe('CLIENT_OFFLINE');
  });

  it('tells a worker that lives and says nothing from one that is dead', async () => {
    await subscribe(calls.handler);
    expect(await outcomeOf(request({ idleTimeoutMs: 1 }))).toBe('WORKER_TIMEOUT');
    const { request: received } = await calls.call();
    await aborted(received.signal);
  });

  it('marks clients itself where it was given no presence', async () => {
    const requester = createStreamRequester({ connection: here.gateway.connection });
    await subscribe(calls.handler);
    const streams = [1, 2].map(() => requester.streamRequestWithClient(here.subject, '', 'carl'));
    await until(() => here.worker.presence.isClientOnline('carl') && calls.count === 2);
    (await calls.call(1)).done();
    await Promise.race(streams.map(outcomeOf));
    expect(requester.presence.isClientOnline('carl')).toBe(true);
    (await calls.call(2)).done();
    await Promise.all(streams.map(outcomeOf));
    expect([requester.presence.isClientOnline('carl'), requester.getStatistics().open]).toEqual([false, 0]);
  });

  it.each(['given', 'its own'])(
    'gives all that was sent after the worker has ended, whoever goes (presence %s)',
    async (whose) => {
      const requester =
        whose === 'given' ? here.gateway.requester : createStreamRequester({ connection: here.gateway.connection });
      await subscribe(async (_request, sender) => {
        for (let n = 1; n <= 100; n++) await sender.send(String(n));
      });
      const controller = new AbortController();
      const stream = requester.streamRequestWithClient(here.subject, '', ANN, { signal: controller.signal });
      const iterator = stream[Symbol.asyncIterator]();
      await iterator.next();
      await until(() => requester.getStatistics().open === 0);
      here.gateway.presence.markClientOffline(ANN);
      controller.abort();
      let last: string | undefined;
      for (let next = await iterator.next(); !next.done; next = await iterator.next()) last = next.value.string();
      expect([last, (await stream.finished)?.length]).toEqual(['100', 0]);
    },
  );

  it('leaves nothing behind', async () => {
    await subscribe(async (_request, sender) => sender.send('one'));
    const signal = new AbortController().signal;
    const remove = jest.spyOn(signal, 'removeEventListener');
    const presence = here.gateway.presence as PresenceNode;
    const watch = presence.watch.bind(presence);
    let watching = 0;
    const spy = jest.spyOn(presence, 'watch').mockImplementation((id, gone) => {
      const end = watch(id, gone);
      watching++;
      return () => {
        watching--;
        end();
      };
    });
    for (let n = 0; n < 20; n++) await textsOf(request({ signal }));
    expect(await outcomeOf(request({ signal: AbortSignal.abort(new TaskError('TASK_CANCELLED', 'x')) }))).toBe(
      'TASK_CANCELLED',
    );
    expect(watching).toBe(0);
    spy.mockRestore();
    await until(() => here.worker.responder.getStatistics().running === 0);
    expect(remove).toHaveBeenCalledTimes(20);
    expect(here.gateway.requester.getStatistics()).toEqual({ open: 0, dropped: 0 });
    expect(here.worker.responder.getStatistics()).toMatchObject({ running: 0, waiting: 0 });
  });
});
