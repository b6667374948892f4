import { TaskError } from '../../../lib/nats/index.js';
import { describeWithNats } from '../../support/nats/nats-server.js';
import { Calls, aborted, codeOf, openWorker, outcomeOf, textsOf } from '../../support/nats/stream-parties.js';
import { until } from '../../support/clock/until.js';
import { useStream } from './stream-fixture.js';

describeWithNats('a worker that many requests wait for', () => {
  const { here, subscribe, request } = useStream();
  let calls: Calls;

  beforeEach(() => {
    calls = new Calls();
  });

  it('runs up to maxConcurrent handlers, lets others wait up to a limit, and cancels one that waits', async () => {
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

  it('answers the requests that came before it drains, and no later ones', async () => {
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

  it('ends running handlers when a subscription ends at once', async () => {
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

  it('ends a subscription that is already being drained at once when asked again', async () => {
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
});
