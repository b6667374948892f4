import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createTaskStore } from '../lib/distributed/create-task-store.js';
import { createHub, createTaskManager } from '../lib/index.js';
import { createPresence, createStreamRequester, createStreamResponder, remoteTask } from '../lib/nats/index.js';
import { createRedisStore } from '../lib/redis/index.js';
import { createSqliteStore } from '../lib/sqlite/index.js';
import { createKeyValueDriver, createTableDriver } from '../lib/store/index.js';
import { collect, runJob } from '../lib/testing/index.js';
import { bareRequest } from './support/http/bare-request.js';
import { MapDriver, MapServer } from './support/stores/map-driver.js';
import { fakeRequest, MemoryResponse } from './support/sse/memory-response.js';

const LIB = join(__dirname, '..', 'lib');
const SUBSCRIPTION = { unsubscribe: () => undefined, drain: () => Promise.resolve() };
const connection = {
  publish: () => undefined,
  subscribe: () => SUBSCRIPTION,
  flush: () => Promise.resolve(),
} as never;

const tasks = createTaskManager();
const hub = createHub();
const presence = createPresence({ connection });
const requester = createStreamRequester({ connection, presence });
const responder = createStreamResponder({ connection, presence });
const pass = (): void => undefined;
const job = async (): Promise<number> => 1;

/** An option that nothing has. */
type Unknown = never;

/** Every function that takes options, by the name in its messages. */
const TAKES_OPTIONS: Readonly<Record<string, readonly ((options: Unknown) => unknown)[]>> = {
  collect: [(options) => collect('http://127.0.0.1:1', options)],
  createHub: [createHub],
  createKeyValueDriver: [createKeyValueDriver],
  createPresence: [createPresence],
  createRedisStore: [createRedisStore],
  createSqliteStore: [createSqliteStore],
  createStreamRequester: [createStreamRequester],
  createStreamResponder: [createStreamResponder],
  createTableDriver: [createTableDriver],
  createTaskManager: [createTaskManager],
  createTaskStore: [(options) => createTaskStore(new MapDriver(new MapServer()), options)],
  executeWithSSE: [(options) => tasks.executeWithSSE(bareRequest(), null, null, job, options)],
  find: [(options) => tasks.find(options)],
  'hub.connect': [(options) => hub.connect(fakeRequest('/'), new MemoryResponse().res, options)],
  'hub.router': [(options) => hub.router(options)],
  listTasks: [(options) => tasks.listTasks(options)],
  remoteTask: [(options) => remoteTask(requester, 'a', () => '', options)],
  runJob: [(options) => runJob(job, undefined, options)],
  start: [(options) => tasks.start(job, options)],
  startTask: [(options) => tasks.startTask(bareRequest(), job, options)],
  stop: [(options) => tasks.stop(options), (options) => responder.stop(options)],
  streamRequestWithClient: [(options) => requester.streamRequestWithClient('a', '', 'ann', options)],
  subscribe: [(options) => responder.subscribe('a', async () => undefined, options)],
  'tasks.handler': [(options) => tasks.handler(job, options)],
  'tasks.resume': [(options) => tasks.resume(options)],
  'tasks.router': [(options) => tasks.router(options)],
};

/** Every function that takes a job. */
const TAKES_JOBS: Readonly<Record<string, (job: Unknown) => unknown>> = {
  executeWithSSE: (given) => tasks.executeWithSSE(bareRequest(), null, null, given),
  runJob: (given) => runJob(given),
  start: (given) => tasks.start(given),
  startTask: (given) => tasks.startTask(bareRequest(), given),
  'tasks.handler': (given) => tasks.handler(given),
};

afterAll(() => Promise.all([tasks.stop(), hub.stop()]));

describe('an option that does not exist', () => {
  it.each(Object.entries(TAKES_OPTIONS))('is refused by %s, and changes nothing', async (_name, functions) => {
    for (const take of functions) {
      const call = async (): Promise<unknown> => take({ nope: pass } as Unknown);
      await expect(call()).rejects.toMatchObject({
        code: 'INVALID_OPTION',
        message: expect.stringContaining('Expected nope to be an option that exists') as string,
      });
    }
    expect(tasks.getStatistics().started + hub.getStatistics().totalConnections).toBe(0);
  });

  it('is checked in a copy everywhere: nobody uses the options as they were given', () => {
    const unused = (readdirSync(LIB, { recursive: true }) as string[])
      .filter((path) => path.endsWith('.ts'))
      .flatMap((path) => readFileSync(join(LIB, path), 'utf8').split('\n'))
      .filter((line) => /^\s*checkOptions\(/.test(line));
    expect(unused).toEqual([]);
  });

  it('is refused by every function of the library that takes options', () => {
    const checked = (readdirSync(LIB, { recursive: true }) as string[])
      .filter((path) => path.endsWith('.ts'))
      .flatMap((path) => [...readFileSync(join(LIB, path), 'utf8').matchAll(/checkOptions(?:<\w+>)?\('([^']+)'/g)])
      .map(([, name]) => name);
    const tried = Object.entries(TAKES_OPTIONS).flatMap(([name, functions]) => functions.map(() => name));
    expect(checked.sort()).toEqual(tried.sort());
  });
});

describe('a job that is no function', () => {
  it.each(Object.entries(TAKES_JOBS))('is refused by %s, in the same words', async (_name, take) => {
    const call = async (): Promise<unknown> => take({ job } as Unknown);
    await expect(call()).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message: 'Expected the job to be a function, got object',
    });
    expect(tasks.getStatistics().started).toBe(0);
  });
});
