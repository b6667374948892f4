import { headers } from '@nats-io/transport-node';
import { TaskError, createStreamRequester } from '../../../lib/nats/index.js';
import type { PresenceNode } from '../../../lib/nats/presence/presence.js';
import { describeWithNats } from '../../support/nats/nats-server.js';
import { ProcessGuard } from '../../support/processes/process-guard.js';
import {
  ANN,
  Calls,
  aborted,
  codeOf,
  nextOf,
  openWorker,
  outcomeOf,
  textsOf,
} from '../../support/nats/stream-parties.js';
import { until } from '../../support/clock/until.js';
import { WAYS_TO_FAIL } from '../../support/jobs/ways-to-fail.js';
import { useStream } from './stream-fixture.js';

describeWithNats('a stream from a worker to a client of a gateway', () => {
  const { here, subscribe, request } = useStream();
  let calls: Calls;

  beforeEach(() => {
    calls = new Calls();
  });

  it('delivers all messages in order, with the result at the end', async () => {
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

  it('fails where there is no worker', async () => {
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

  it.each(WAYS_TO_FAIL)('fails as it should where the onError of its worker %s', async (_how, fail) => {
    const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const guard = new ProcessGuard();
    const worker = await openWorker(here.nats, { onError: fail });
    worker.responder.subscribe(`${here.subject}.fails`, () => Promise.reject(new Error('mine')));
    await worker.connection.flush();
    const stream = here.gateway.requester.streamRequestWithClient(`${here.subject}.fails`, 'go', ANN);
    expect(await outcomeOf(stream)).toBe('TASK_FAILED');
    await until(() => warn.mock.calls.length > 0);
    expect(warn.mock.calls).toEqual([
      [expect.stringContaining('boom'), { type: 'CallbackWarning', detail: 'in onError' }],
    ]);
    expect(guard.take()).toEqual([]);
    guard.close();
    warn.mockRestore();
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

  it.each([NaN, -1, 1.5, Infinity, '3', undefined, null])(
    'ends where the number of watchers is said to be %j, and blames the callback instead of the worker',
    async (answer) => {
      const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
      await subscribe(calls.handler);
      const stream = request({ watchers: () => answer as number });
      const { request: received } = await calls.call();
      await aborted(received.signal);
      expect(await outcomeOf(stream)).toBe('CALLBACK_FAILED');
      expect(warn).toHaveBeenCalledTimes(1);
      warn.mockRestore();
    },
  );

  it('does not take a silent worker that is alive for a dead one', async () => {
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
    'delivers everything that was sent after the worker has ended, whoever leaves (presence %s)',
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
