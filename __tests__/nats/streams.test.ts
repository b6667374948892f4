import { headers } from '@nats-io/transport-node';
import { TaskError } from '../../lib/nats/index.js';
import { describeWithNats, Nats } from '../support/nats-server.js';
import {
  aborted,
  Calls,
  codeOf,
  openGateway,
  openWorker,
  outcomeOf,
  textsOf,
  type Gateway,
  type Worker,
} from '../support/stream-parties.js';

describeWithNats('a stream from a worker to a client of a gateway', () => {
  let nats: Nats;
  let gateway: Gateway;
  let worker: Worker;
  let calls: Calls;
  let subjects = 0;
  let subject: string;

  beforeAll(async () => {
    nats = await Nats.open();
    gateway = await openGateway(nats);
    worker = await openWorker(nats);
  });
  afterAll(async () => {
    await Promise.all([gateway.presence.stop(), worker.presence.stop()]);
    await nats.close();
  });
  beforeEach(async () => {
    subject = `jobs.${process.pid}.${++subjects}`;
    calls = new Calls();
    gateway.presence.markClientOnline('ann');
  });
  afterEach(() => {
    gateway.presence.markClientOffline('ann');
  });

  const subscribe = async (
    ...[handler, options]: Parameters<Worker['responder']['subscribe']> extends [string, ...infer R] ? R : never
  ) => {
    const subscription = worker.responder.subscribe(subject, handler, options);
    await worker.connection.flush();
    return subscription;
  };
  const request = (
    ...[options, data = 'go']: [Parameters<Gateway['requester']['streamRequestWithClient']>[3]?, string?]
  ) => gateway.requester.streamRequestWithClient(subject, data, 'ann', options);

  it('gives what is sent, in order, with the result at the end', async () => {
    await subscribe(async ({ data, clientId, headers: head }, sender) => {
      for (let n = 1; n <= 3; n++)
        await sender.send(`${Buffer.from(data).toString()} ${n} for ${clientId} ${head.get('Trace')}`);
      await sender.end('three');
    });
    const head = headers();
    head.set('Trace', 't1');
    const stream = request({ headers: head }, 'part');
    expect(await textsOf(stream)).toEqual(['part 1 for ann t1', 'part 2 for ann t1', 'part 3 for ann t1']);
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
    expect((await iterator.next()).value?.string()).toBe('one');
    const stopped = aborted(received.signal);
    gateway.presence.markClientOffline('ann');
    expect(await stopped).toMatchObject({ code: 'CLIENT_OFFLINE' });
    expect(await codeOf(sender.send('two'))).toBe('CLIENT_OFFLINE');
    expect(await codeOf(sender.end())).toBe('CLIENT_OFFLINE');
    expect(await codeOf(iterator.next())).toBe('CLIENT_OFFLINE');
    expect(await codeOf(stream.finished)).toBe('CLIENT_OFFLINE');
  });
});
