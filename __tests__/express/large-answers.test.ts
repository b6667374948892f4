/** Large answers of one piece. Their clients may take their time, but not for ever, and what they have not taken counts. */
import { createTaskManager, type TaskManager } from '../../lib/index.js';
import { createTaskStore } from '../../lib/store/index.js';
import { ManualClock } from '../support/clock/manual-clock.js';
import { MapDriver, MapServer } from '../support/stores/map-driver.js';
import { fakeRequest, MemoryResponse } from '../support/sse/memory-response.js';
import { listen, openStream } from '../support/http/raw-http.js';
import { BEYOND_SOCKETS } from '../support/http/socket-buffers.js';
import { until } from '../support/clock/until.js';

const KIB = 1_024;
const TEXT = 'x'.repeat(100 * KIB);
const turns = async (): Promise<void> => {
  for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
};

const STORES: [name: string, options: () => object][] = [
  ['memory', () => ({})],
  ['shared', () => ({ store: createTaskStore(new MapDriver(new MapServer())) })],
];

/** A manager with one task that has ended, and clients that take nothing of its answers. */
class Stage {
  readonly clock = new ManualClock();
  readonly tasks: TaskManager;
  readonly responses: MemoryResponse[] = [];
  resumeKey = '';
  taskId = '';

  constructor(options: object) {
    const limits = {
      maxBufferedBytes: 4_096 * KIB,
      maxBytesPerTask: 1_024 * KIB,
      stallTimeoutMs: 60_000,
      heartbeatMs: 0,
    };
    this.tasks = createTaskManager({ clock: this.clock, ...limits, ...options });
  }

  async run(): Promise<void> {
    const job = async (_: unknown, __: string, update: (data: unknown) => Promise<void>): Promise<string> => {
      await update(TEXT);
      return TEXT;
    };
    ({ taskId: this.taskId, resumeKey: this.resumeKey } = await this.tasks.start(job));
    while ((await this.tasks.getTaskInfo(this.taskId)).status === 'running') await turns();
  }

  async ask(path: string): Promise<MemoryResponse> {
    const response = new MemoryResponse({ taking: false });
    this.responses.push(response);
    const target = path.replace('$TASK', this.taskId);
    const req = fakeRequest(`${target}${target.includes('?') ? `&resume_key=${this.resumeKey}` : ''}`);
    this.tasks.router({ authorize: () => true })(req, response.res, (error) => {
      throw new Error('no such route', { cause: error });
    });
    while (response.status === undefined) await turns();
    await turns();
    return response;
  }

  get counted(): number {
    return this.tasks.getStatistics().bufferedBytes;
  }
}

const ANSWERS: [name: string, path: string][] = [
  ['part of a stream', '/$TASK/events?wait=20'],
  ['a result', '/$TASK/result'],
  ['a state', '/$TASK'],
];

describe.each(STORES)('a large answer that is not taken (%s store)', (_name, options) => {
  let stage: Stage;
  beforeEach(async () => {
    stage = new Stage(options());
    await stage.run();
    await stage.ask('/$TASK/events?wait=0').then((response) => response.drop()); // a copy of the log is here now
    await turns();
  });
  afterEach(async () => {
    for (const response of stage.responses) response.drop();
    await stage.tasks.stop();
  });

  it.each(ANSWERS)('counts, and is cut after stallTimeoutMs: %s', async (_what, path) => {
    const before = stage.counted;
    const response = await stage.ask(path);
    expect([response.ended, Number(response.headers['Content-Length'])]).toEqual([true, response.waitingBytes]);
    expect(response.waitingBytes).toBeGreaterThan(TEXT.length);
    expect(stage.counted - before).toBeGreaterThanOrEqual(TEXT.length);
    stage.clock.advance(59_000);
    expect(response.cut).toBe(false);
    stage.clock.advance(40_000);
    await turns();
    expect(response.cut).toBe(true);
    expect(stage.counted).toBeLessThanOrEqual(before);
    expect(stage.tasks.getStatistics().connections).toBe(0);
  });

  it.each(ANSWERS)('is left to a line that is slow, and ends when that has taken all: %s', async (_what, path) => {
    const before = stage.counted;
    const response = await stage.ask(path);
    for (let taken = 1; taken < 12; taken++) {
      Object.assign(response, { socket: { bytesWritten: taken } });
      stage.clock.advance(30_000);
    }
    expect(response.cut).toBe(false);
    response.take(Infinity);
    await turns();
    expect([response.closed, response.misuse]).toEqual([true, []]);
    expect(stage.counted).toBeLessThanOrEqual(before);
    expect(stage.tasks.getStatistics().connections).toBe(0);
  });

  it('shares a quarter of the memory with all others: those that have stalled for longest are cut', async () => {
    for (let n = 0; n < 30; n++) await stage.ask(ANSWERS[n % ANSWERS.length]![1]);
    await turns();
    const waiting = stage.responses.filter(({ cut }) => !cut).reduce((sum, { waitingBytes }) => sum + waitingBytes, 0);
    expect(waiting).toBeLessThanOrEqual((4_096 / 4) * KIB);
    expect(waiting).toBeGreaterThan(400 * KIB);
    const cut = stage.responses.slice(1).map((response) => response.cut);
    expect(cut.indexOf(false)).toBe(cut.lastIndexOf(true) + 1);
  });
});

it('a result beyond all buffers reaches a client that reads, whole, and one that does not is cut', async () => {
  const clock = new ManualClock();
  const sizes = {
    maxEventBytes: BEYOND_SOCKETS + KIB,
    maxBytesPerTask: 2 * BEYOND_SOCKETS,
    maxBufferedBytes: 16 * BEYOND_SOCKETS,
  };
  const tasks = createTaskManager({ clock, stallTimeoutMs: 60_000, heartbeatMs: 0, ...sizes });
  const router = tasks.router();
  const server = await listen((req, res) => router(req, res, () => res.end()));
  const { taskId } = await tasks.start(async () => 'x'.repeat(BEYOND_SOCKETS));
  while ((await tasks.getTaskInfo(taskId)).status === 'running') await turns();
  const idle = await openStream(`${server.url}/${taskId}/result`);
  const reader = await openStream(`${server.url}/${taskId}/result`);
  expect((await reader.text()).length).toBe(Number(reader.headers['content-length']));
  await until(() => server.sockets === 1);
  for (let tick = 0; tick < 8; tick++) {
    clock.advance(15_000);
    await turns();
  }
  await expect(idle.text()).rejects.toThrow('aborted');
  await tasks.stop();
  await server.close();
});
