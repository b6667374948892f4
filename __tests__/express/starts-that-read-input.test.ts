import type { Request } from 'express';
import { until } from '../support/clock/until.js';
import { dataOf, leave, useChatServers } from '../support/servers/chat-server.js';

const start = useChatServers();
const ANN = { 'X-Owner': 'ann' };
const BOB = { 'X-Owner': 'bob' };

/** An `input` whose calls wait until the test answers them, in their order. */
class Inputs {
  readonly #waiting: { readonly resolve: (value: unknown) => void; readonly reject: (error: Error) => void }[] = [];
  readonly #heard: (() => void)[] = [];
  readonly requests: Request[] = [];

  readonly read = (req: Request): Promise<unknown> =>
    new Promise((resolve, reject) => {
      this.requests.push(req);
      this.#waiting.push({ resolve, reject });
      for (const heard of this.#heard.splice(0)) heard();
    });

  get calls(): number {
    return this.requests.length;
  }

  /** Resolves once that many inputs are being read. */
  async reached(count: number): Promise<void> {
    while (this.#waiting.length < count) await new Promise<void>((resolve) => this.#heard.push(resolve));
  }

  async answer(value: unknown): Promise<void> {
    await this.reached(1);
    const { resolve, reject } = this.#waiting.shift()!;
    if (value instanceof Error) reject(value);
    else resolve(value);
  }
}

/** A `slot` that counts how often it is asked for. */
function countedSlot(): { slot: (req: Request) => string; asked: () => number } {
  let asked = 0;
  const slot = ({ params }: Request): string => {
    asked++;
    return String(params['id']);
  };
  return { slot, asked: () => asked };
}

const statusesOf = (answers: readonly Response[]): number[] => answers.map(({ status }) => status).sort();

describe('starts whose input is being read', () => {
  it('read one input for a slot that they join', async () => {
    const inputs = new Inputs();
    const { slot, asked } = countedSlot();
    const { say, job } = await start({ handler: { onBusy: 'attach', slot, input: inputs.read } });
    const starting = Array.from({ length: 100 }, () => say('a'));
    await until(() => asked() === 100);
    await inputs.answer('first');
    const answers = await Promise.all(starting);
    expect(new Set(answers.map(({ headers }) => headers.get('x-task-id'))).size).toBe(1);
    const run = await job.run();
    expect([inputs.calls, job.calls]).toEqual([1, 1]);
    run.finish(7);
    for (const answer of answers) expect((await dataOf(answer)).at(-1)).toMatchObject({ result: 7 });
  });

  it('read one input for a slot that they do not share, and the others are refused', async () => {
    const inputs = new Inputs();
    const { slot, asked } = countedSlot();
    const { say } = await start({ handler: { slot, input: inputs.read } });
    const starting = Array.from({ length: 10 }, () => say('a'));
    await until(() => asked() === 10);
    await inputs.answer('first');
    const answers = await Promise.all(starting);
    expect(statusesOf(answers)).toEqual([200, ...Array<number>(9).fill(409)]);
    expect(inputs.calls).toBe(1);
    await leave(...answers);
  });

  it('read the next one where the first is refused', async () => {
    const inputs = new Inputs();
    const { say, job } = await start({ handler: { onBusy: 'attach', input: inputs.read } });
    const starting = [say('a'), say('a'), say('a')];
    await inputs.answer(new Error('broken'));
    await inputs.answer('second');
    const answers = await Promise.all(starting);
    expect(statusesOf(answers)).toEqual([200, 200, 500]);
    expect((await job.run()).context.input).toBe('second');
    await leave(...answers);
  });

  it('read the next one where the client of the first has left', async () => {
    const inputs = new Inputs();
    const { url, say, job } = await start({ maxRunningTasks: 1, handler: { input: inputs.read } });
    const life = new AbortController();
    const left = fetch(`${url}/chat/a`, { method: 'POST', signal: life.signal }).catch(() => 'left');
    await inputs.reached(1);
    const next = say('a');
    life.abort();
    expect(await left).toBe('left');
    await inputs.reached(2);
    await inputs.answer('nobody waits for this');
    await inputs.answer('second');
    expect((await next).status).toBe(200);
    expect((await job.run()).context.input).toBe('second');
    expect(job.calls).toBe(1);
    await leave(await next);
  });

  it('hold one place where they interrupt each other in one slot', async () => {
    const inputs = new Inputs();
    const limits = { maxRunningTasks: 1, maxTasksPerOwner: 1 };
    const { say, job } = await start({ ...limits, handler: { onBusy: 'interrupt', input: inputs.read } });
    const first = say('a', ANN);
    await inputs.reached(1);
    const second = say('a', ANN);
    await inputs.reached(2);
    expect((await say('b', BOB)).status).toBe(503);
    await inputs.answer('first');
    const run = await job.run(1);
    run.context.signal.addEventListener('abort', () => void setImmediate(run.finish));
    await inputs.answer('second');
    expect((await second).status).toBe(200);
    expect((await job.run(2)).context.input).toBe('second');
    await leave(await first, await second);
  });

  it('interrupt nothing where their client has left while another one interrupted', async () => {
    const inputs = new Inputs();
    const { url, say, job, tasks } = await start({ handler: { onBusy: 'interrupt', input: inputs.read } });
    const first = say('a');
    await inputs.answer('first');
    const run = await job.run(1); // its job goes on until the test ends it, so that the second start waits
    const second = say('a');
    await inputs.answer('second');
    await until(() => run.context.signal.aborted);
    const life = new AbortController();
    const third = fetch(`${url}/chat/a`, { method: 'POST', signal: life.signal }).catch(() => 'left');
    await inputs.answer('third');
    await new Promise((resolve) => setImmediate(resolve)); // it waits for its turn now
    life.abort();
    expect(await third).toBe('left');
    await until(() => inputs.requests[2]?.res?.destroyed === true);
    run.finish();
    const { context } = await job.run(2);
    const later = say('b');
    await inputs.answer('later');
    await job.run(3); // whatever the third start does, it has done by now
    expect((await tasks.find({ slot: 'a' }))?.taskId).toBe(context.taskId);
    expect([context.input, job.calls, context.signal.aborted]).toEqual(['second', 3, false]);
    await leave(await first, await second, await later);
  });

  it('count for the limit of their owner, so that slow uploads of one leave places to others', async () => {
    const inputs = new Inputs();
    const handler = { input: inputs.read };
    const { say } = await start({ maxRunningTasks: 10, maxTasksPerOwner: 2, handler });
    const slow = [say('a', ANN), say('b', ANN)];
    await inputs.reached(2);
    const refused = await say('c', ANN);
    expect([refused.status, await refused.json()]).toEqual([429, expect.objectContaining({ code: 'TOO_MANY_TASKS' })]);
    const other = say('a', BOB);
    await inputs.reached(3);
    for (const value of [1, 2, 3]) await inputs.answer(value);
    const answers = await Promise.all([...slow, other]);
    expect(statusesOf(answers)).toEqual([200, 200, 200]);
    expect(inputs.calls).toBe(3);
    await leave(...answers);
  });

  it('count for it without a slot as well', async () => {
    const inputs = new Inputs();
    const handler = { input: inputs.read, slot: () => undefined };
    const { say } = await start({ maxTasksPerOwner: 2, handler });
    const slow = [say('a', ANN), say('a', ANN)];
    await inputs.reached(2);
    expect((await say('a', ANN)).status).toBe(429);
    for (const value of [1, 2]) await inputs.answer(value);
    const answers = await Promise.all(slow);
    expect(statusesOf(answers)).toEqual([200, 200]);
    await leave(...answers);
  });
});
