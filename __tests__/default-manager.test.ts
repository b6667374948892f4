import type * as Library from '../lib/index.js';
import { bareRequest } from './support/http/bare-request.js';
import { codeOf } from './support/stores/store-fixtures.js';

const DEFAULT_MANAGER = Symbol.for('resumable-sse.defaultManager');

/** The library as a program loads it for the first time. */
async function freshLibrary(): Promise<typeof Library> {
  Reflect.deleteProperty(globalThis, DEFAULT_MANAGER);
  return loadLibrary();
}

/** One more copy of the library, as where a program loads the ESM build and a package that it uses the CommonJS one. */
async function loadLibrary(): Promise<typeof Library> {
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

  it('serves all functions of the package', async () => {
    const library = await freshLibrary();
    const { taskId } = await library.executeWithSSE(bareRequest(), null, null, () => new Promise(() => undefined));
    await library.updateProgress(taskId, 1);
    expect((await library.getTaskInfo(taskId)).progress).toBe(1);
    await library.completeTask(taskId, 'completed', 'result');
    expect(await library.getTaskInfo(taskId)).toMatchObject({ status: 'completed', result: 'result' });
    expect(await library.cancelTask(taskId)).toBe(false);
    expect(await refusalOf(() => library.getTaskInfo('unknown'))).toBe('TASK_NOT_FOUND');
  });

  it('is the same for every copy of the library in the process', async () => {
    const library = await freshLibrary();
    const copy = await loadLibrary();
    expect(copy.executeWithSSE).not.toBe(library.executeWithSSE);
    const { taskId } = await library.executeWithSSE(bareRequest(), null, null, () => new Promise(() => undefined));
    await copy.updateProgress(taskId, 1);
    expect((await library.getTaskInfo(taskId)).progress).toBe(1);
    expect(await refusalOf(() => copy.init())).toBe('INVALID_OPTION');
  });

  it('is not the manager that somebody makes for themselves', async () => {
    const library = await freshLibrary();
    const own = library.createTaskManager();
    const { taskId } = await own.startTask(bareRequest(), () => 1);
    expect(await refusalOf(() => library.getTaskInfo(taskId))).toBe('TASK_NOT_FOUND');
    expect(await codeOf(() => own.getTaskInfo(taskId))).toBeUndefined();
  });
});

describe('A TaskError', () => {
  it('of one copy of the library is a TaskError for every other copy', async () => {
    const library = await freshLibrary();
    const copy = await loadLibrary();
    const error: unknown = new copy.TaskError('TASK_NOT_FOUND', 'There is no such task');
    expect(copy.TaskError).not.toBe(library.TaskError);
    expect(error instanceof library.TaskError).toBe(true);
    expect(error instanceof copy.TaskError).toBe(true);
    expect(new Error('x') instanceof library.TaskError).toBe(false);
  });

  it('fails a task with its own code and message, whichever copy it is of', async () => {
    const library = await freshLibrary();
    const { TaskError } = await loadLibrary();
    const stream = await library.executeWithSSE(bareRequest(), null, null, () => {
      throw new TaskError('INVALID_INPUT', 'Row 7');
    });
    for await (const event of stream) {
      expect(event).toEqual({ kind: 'failed', seq: 1, error: { code: 'INVALID_INPUT', message: 'Row 7' } });
    }
    expect.assertions(1);
  });
});
