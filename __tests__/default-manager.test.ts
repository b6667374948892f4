import type * as Library from '../lib/index.js';
import { bareRequest } from './support/bare-request.js';
import { codeOf } from './support/store-fixtures.js';

/** The library as a program loads it for the first time. */
async function freshLibrary(): Promise<typeof Library> {
  let library: typeof Library | undefined;
  await jest.isolateModulesAsync(async () => {
    library = await import('../lib/index.js');
  });
  return library!;
}

/** As `codeOf`, for the errors of a library that was loaded anew. */
const refusalOf = async (call: () => unknown): Promise<string> => {
  try {
    await call();
    return 'none';
  } catch (error) {
    return (error as { code: string }).code;
  }
};

describe('The default manager', () => {
  it('is made by init, once', async () => {
    const library = await freshLibrary();
    const manager = library.init({ ttlMs: 5 });
    expect(await refusalOf(() => library.init())).toBe('INVALID_OPTION');
    const stream = await library.executeWithSSE(bareRequest(), null, null, () => 1);
    expect((await manager.getTaskInfo(stream.taskId)).status).toBe('running');
  });

  it('is made by the first use, with a TTL of one hour; init comes too late then', async () => {
    const library = await freshLibrary();
    const stream = await library.executeWithSSE(bareRequest(), undefined, undefined, () => 'done');
    expect(await refusalOf(() => library.init())).toBe('INVALID_OPTION');
    for await (const event of stream) expect(event).toEqual({ kind: 'complete', seq: 1, result: 'done' });
    const { endedAt, expiresAt } = await library.getTaskInfo(stream.taskId);
    expect((expiresAt!.getTime() - endedAt!.getTime()) / 1_000).toBeCloseTo(3_600, 0);
  });

  it('can still be made after an init whose options were refused', async () => {
    const library = await freshLibrary();
    expect(await refusalOf(() => library.init({ ttlMs: 0 }))).toBe('INVALID_OPTION');
    expect(await refusalOf(() => library.init())).toBe('none');
  });

  it('answers all package-level functions', async () => {
    const library = await freshLibrary();
    const { taskId } = await library.executeWithSSE(bareRequest(), null, null, () => new Promise(() => undefined));
    await library.updateProgress(taskId, 1);
    expect((await library.getTaskInfo(taskId)).progress).toBe(1);
    await library.completeTask(taskId, 'completed', 'result');
    expect(await library.getTaskInfo(taskId)).toMatchObject({ status: 'completed', result: 'result' });
    expect(await library.cancelTask(taskId)).toBe(false);
    expect(await refusalOf(() => library.getTaskInfo('unknown'))).toBe('TASK_NOT_FOUND');
  });

  it('is not the manager that somebody makes for themselves', async () => {
    const library = await freshLibrary();
    const own = library.createTaskManager();
    const { taskId } = await own.startTask(bareRequest(), () => 1);
    expect(await refusalOf(() => library.getTaskInfo(taskId))).toBe('TASK_NOT_FOUND');
    expect(await codeOf(() => own.getTaskInfo(taskId))).toBeUndefined();
  });
});
