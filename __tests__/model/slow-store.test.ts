import express from 'express';
import request from 'supertest';
import { MemoryResponse, fakeRequest } from '../support/sse/memory-response.js';
import type { Operation } from './async-store.js';
import { IDLE_TIMERS, dataOf, outcomeOf, setUp, guardProcess } from './gated-store.js';
import { turns } from './property.js';

guardProcess();

describe('an event of a slow store', () => {
  it('reaches subscribers when the store has acknowledged it, and not before', async () => {
    const { gate, store, start, watch } = setUp();
    const { resumeKey, context } = await start();
    const { wire } = await watch(resumeKey);
    gate.hold('append');
    let resolved = false;
    void context.updateProgress('one').then(() => (resolved = true));
    await turns(5);
    expect({ told: dataOf(wire), committed: store.committed, resolved }).toEqual({
      told: [],
      committed: [],
      resolved: false,
    });
    await gate.release('append');
    expect({ told: dataOf(wire), resolved }).toEqual({ told: ['"one"'], resolved: true });
  });

  it('that the store refuses rejects, takes no seq, and reaches nobody', async () => {
    const { store, errors, start, watch } = setUp();
    const { resumeKey, context } = await start();
    const { wire } = await watch(resumeKey);
    store.fate = () => 'refused';
    const refused = outcomeOf(context.updateProgress('one'));
    store.fate = () => 'answered';
    const accepted = outcomeOf(context.updateProgress('two'));
    expect(await Promise.all([refused, accepted])).toEqual(['STORE_UNAVAILABLE', 'resolved']);
    await turns(3);
    expect(wire.events.slice(1)).toMatchObject([{ id: `${resumeKey}.1`, data: '"two"' }]);
    expect(errors).toMatchObject([{ code: 'STORE_UNAVAILABLE' }]);
  });

  it('that is never acknowledged rejects after storeTimeoutMs, and those after it are committed', async () => {
    const { clock, store, start, watch } = setUp();
    const { resumeKey, context } = await start();
    const { wire } = await watch(resumeKey);
    store.fate = () => 'lost';
    const lost = outcomeOf(context.updateProgress('one'));
    store.fate = () => 'answered';
    await context.updateProgress('two');
    clock.advance(500);
    expect(await lost).toBe('STORE_UNAVAILABLE');
    await turns(3);
    expect(dataOf(wire)).toEqual(['"two"']);
  });

  it('that is acknowledged too late is delivered once all the same', async () => {
    const { gate, clock, start, watch, store } = setUp();
    const { resumeKey, context, finish } = await start();
    const { wire } = await watch(resumeKey);
    gate.hold('append');
    const late = outcomeOf(context.updateProgress('one'));
    clock.advance(500);
    expect(await late).toBe('STORE_UNAVAILABLE');
    await gate.release('append');
    finish('done');
    await turns(5);
    expect(dataOf(wire)).toEqual(store.committed);
    expect(wire.events.map(({ event }) => event)).toEqual(['task', undefined, 'complete']);
  });
});

describe('a store that never answers', () => {
  it.each<Operation>(['create', 'find', 'departedAt', 'open', 'list', 'requestCancel'])(
    'makes whoever waits for its %s get STORE_UNAVAILABLE after storeTimeoutMs, and leaves no timer behind',
    async (operation) => {
      const { clock, store, manager, job, start } = setUp();
      const first = operation === 'create' ? undefined : await start();
      const timers = clock.timers;
      const before = manager.getStatistics();
      store.fate = (asked) => (asked === operation ? 'lost' : 'answered');
      const asked = outcomeOf(ask());
      await turns(4);
      clock.advance(499);
      await turns(2);
      expect(await Promise.race([asked, Promise.resolve('waiting')])).toBe('waiting');
      clock.advance(1);
      expect(await asked).toBe('STORE_UNAVAILABLE');
      expect(manager.getStatistics()).toEqual(before);
      expect(clock.timers).toBe(timers);

      async function ask(): Promise<unknown> {
        const { taskId, resumeKey } = first ?? {};
        switch (operation) {
          case 'create':
            return manager.startTask(fakeRequest('/job'), job);
          case 'find':
            return manager.getTaskInfo(taskId!);
          case 'list':
            return manager.listTasks();
          case 'requestCancel':
            return manager.cancelTask(taskId!);
          default: {
            const stream = await manager.executeWithSSE(fakeRequest('/job'), resumeKey, 'phone', job);
            return stream.pipe(new MemoryResponse().res);
          }
        }
      }
    },
  );

  it('answers a start over HTTP with 503, and has started nothing', async () => {
    let asked!: () => void;
    const waiting = new Promise<void>((resolve) => (asked = resolve));
    const { clock, store, manager, job, ran } = setUp();
    store.fate = (operation) => {
      if (operation === 'create') asked();
      return operation === 'create' ? 'lost' : 'answered';
    };
    const app = express().get('/job', manager.handler(job));
    const [response] = await Promise.all([request(app).get('/job'), waiting.then(() => clock.advance(500))]);
    expect(response.status).toBe(503);
    expect(response.body).toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(response.get('Retry-After')).toMatch(/^[1-5]$/);
    expect({ ran: ran(), running: manager.getStatistics().running, timers: clock.timers }).toEqual({
      ran: false,
      running: 0,
      timers: IDLE_TIMERS,
    });
  });

  it('does not keep completeTask or stop from returning', async () => {
    const { clock, store, manager, start } = setUp();
    const { taskId } = await start();
    const other = await start();
    store.fate = () => 'lost';
    const completed = outcomeOf(manager.completeTask(taskId, 'completed', 1));
    await turns(2);
    clock.advance(500);
    expect(await completed).toBe('STORE_UNAVAILABLE');
    const stopped = outcomeOf(manager.stop());
    await turns(2);
    clock.advance(500);
    expect(await stopped).toBe('resolved');
    expect(other.context.signal.aborted).toBe(true);
    expect(manager.getStatistics().running).toBe(0);
    expect(clock.timers).toBe(0);
  });

  it('cannot keep a task running beyond its time-out', async () => {
    const { clock, store, manager, start } = setUp({ timeoutMs: 2_000 });
    const { context } = await start();
    store.fate = () => 'lost';
    const emitted = outcomeOf(context.emit('row', 1));
    clock.advance(2_000);
    await turns(2);
    expect(context.signal.reason).toMatchObject({ code: 'TASK_TIMEOUT' });
    expect(await emitted).toBe('STORE_UNAVAILABLE');
    expect(manager.getStatistics().running).toBe(0);
  });
});
