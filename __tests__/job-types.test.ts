import { ReadableStream } from 'node:stream/web';
import type { TaskTypes } from '../lib/client/index.js';
import type { AsyncTask, TaskManager, TaskStream } from '../lib/index.js';
import { runJob } from '../lib/testing/index.js';

/** `true` where both are the same type, so that `any` is like nothing else. */
// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- two functions are the same type only where A and B are
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

const streamOf = <T>(...values: T[]): ReadableStream<T> =>
  new ReadableStream({
    start(controller) {
      for (const value of values) controller.enqueue(value);
      controller.close();
    },
  });
async function* counted(): AsyncGenerator<number, { total: string }, undefined> {
  yield 1;
  yield 2;
  return { total: 'two' };
}

/** Compiles only where the types of a job are those of its task: `npm run typecheck` is the test, and this shows that they are true. */
describe('the types of a task', () => {
  it('are those of a plain job', async () => {
    const finished = await runJob(async (_context, _taskId, update: (data: number) => Promise<void>) => {
      await update(7);
      return 'done' as const;
    });
    const types: Same<(typeof finished)['result'], 'done'> = true;
    const progress: number[] = [...finished.progress];
    expect([types, finished.result, progress]).toEqual([true, 'done', [7]]);
  });

  it('say that a stream is progress, not the result, whether it is returned or resolved to', async () => {
    const returned = await runJob(() => streamOf('a', 'b'));
    const resolved = await runJob(async () => streamOf('a', 'b'));
    const types: [
      Same<(typeof returned)['result'], undefined>,
      Same<(typeof resolved)['result'], undefined>,
      Same<(typeof resolved)['progress'][number], string>,
    ] = [true, true, true];
    expect([...types, returned.result, resolved.result, resolved.progress]).toEqual([
      ...[true, true, true, undefined, undefined],
      ['a', 'b'],
    ]);
  });

  it('say that the bytes of a stream become text', async () => {
    const { progress } = await runJob(async () => streamOf(Buffer.from('a') as Uint8Array));
    const types: Same<(typeof progress)[number], string> = true;
    expect([types, progress]).toEqual([true, ['a']]);
  });

  it('make the return value of an async generator the result', async () => {
    const returned = await runJob(counted);
    const resolved = await runJob(async () => counted());
    const types: [
      Same<(typeof returned)['result'], { total: string }>,
      Same<(typeof resolved)['result'], { total: string }>,
      Same<(typeof resolved)['progress'][number], number>,
    ] = [true, true, true];
    expect([...types, returned.result, resolved.progress]).toEqual([true, true, true, { total: 'two' }, [1, 2]]);
  });

  it('are the same for `executeWithSSE` and for the page', async () => {
    const execute = ((_req: unknown, _key: unknown, _subscriber: unknown, job: unknown) =>
      job) as unknown as TaskManager['executeWithSSE'];
    const stream = await execute({} as never, null, null, async () => streamOf('a', 'b'));
    const types: [
      Same<typeof stream, TaskStream<string, undefined>>,
      Same<TaskTypes<() => Promise<AsyncIterable<boolean>>>['result'], undefined>,
      Same<TaskTypes<() => Promise<ReadableStream<string>>>['result'], undefined>,
      Same<TaskTypes<typeof counted>['result'], { total: string }>,
      Same<TaskTypes<AsyncTask<{ step: number }, { url: string }>>['result'], { url: string }>,
      Same<TaskTypes<AsyncTask<{ step: number }, { url: string }>>['progress'], { step: number }>,
    ] = [true, true, true, true, true, true];
    expect([...types, typeof stream]).not.toContain(false);
  });
});
