import { describeWithNats } from '../../support/nats/nats-server.js';
import { Calls, codeOf, nextOf, openGateway, textsOf } from '../../support/nats/stream-parties.js';
import { until } from '../../support/clock/until.js';
import { useStream } from './stream-fixture.js';

describeWithNats('a worker that sends faster than its requester reads', () => {
  const { here, subscribe, request } = useStream();
  let calls: Calls;

  beforeEach(() => {
    calls = new Calls();
  });

  it('is stopped once it is a window ahead of the reading loop', async () => {
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

  it('shares one window among all open streams', async () => {
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

  it('limits bytes as well', async () => {
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

  it('refuses a message that is too large, at both ends, and goes on', async () => {
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
});
