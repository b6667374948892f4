import { createReadStream } from 'node:fs';
import { PassThrough, Readable } from 'node:stream';
import { ReadableStream } from 'node:stream/web';
import { TaskError } from '../../../lib/core/errors.js';
import type { AsyncTask } from '../../../lib/core/task/task.js';
import { ProcessGuard } from '../../support/processes/process-guard.js';
import { RunFixture, turn } from '../../support/jobs/run-fixture.js';

const ran = async (job: AsyncTask): Promise<RunFixture> => {
  const fixture = new RunFixture(job).start();
  await fixture.run.settled;
  await fixture.run.ended;
  return fixture;
};
const complete = (result?: unknown) => [
  'complete',
  { task_id: 'task-1', status: 'completed', ...(result === undefined ? {} : { result }) },
];

describe('A job that streams', () => {
  const outputs: [what: string, job: AsyncTask, result?: unknown][] = [
    [
      'is an async generator',
      async function* () {
        yield 'a';
        yield 'b';
        return 'whole';
      },
      'whole',
    ],
    [
      'returns an async iterable',
      () => ({
        async *[Symbol.asyncIterator]() {
          yield 'a';
          yield 'b';
        },
      }),
    ],
    [
      'resolves to an async generator',
      async () =>
        (async function* () {
          yield 'a';
          yield 'b';
        })(),
    ],
    ['returns a stream of values', () => ReadableStream.from(['a', 'b'])],
    ['returns a stream of bytes', () => ReadableStream.from([Buffer.from('a'), Buffer.from('b')])],
    [
      'is a generator that is not async',
      function* () {
        yield 'a';
        yield 'b';
        return 'whole';
      },
      'whole',
    ],
    [
      'is a generator of promises that is not async',
      function* () {
        yield Promise.resolve('a');
        yield Promise.resolve('b');
      },
    ],
  ];

  it.each(outputs.map(([what, job, result]) => [what, job, result] as const))(
    'sends each value as progress because it %s',
    async (_what, job, result) => {
      const { said } = await ran(job);
      expect(said).toEqual([[undefined, 'a'], [undefined, 'b'], complete(result)]);
    },
  );

  it('sends the text of bytes, in whole characters only', async () => {
    const bytes = Buffer.from('aé');
    const { said } = await ran(() => ReadableStream.from([bytes.subarray(0, 2), bytes.subarray(2)]));
    expect(said).toEqual([[undefined, 'a'], [undefined, 'é'], complete()]);
  });

  it('fails where its generator throws, after the values before that', async () => {
    const { said } = await ran(async function* () {
      yield 1;
      throw new TaskError('INVALID_INPUT', 'Row 2');
    });
    expect(said).toEqual([
      [undefined, 1],
      ['failed', expect.objectContaining({ error: { code: 'INVALID_INPUT', message: 'Row 2' } })],
    ]);
  });

  it('is closed and fails where a value cannot be serialised', async () => {
    let isClosed = false;
    const { said } = await ran(async function* () {
      try {
        yield 1n;
      } finally {
        isClosed = true;
      }
    });
    expect(said).toEqual([
      ['failed', expect.objectContaining({ error: expect.objectContaining({ code: 'UNSERIALIZABLE' }) })],
    ]);
    expect(isClosed).toBe(true);
  });

  it('is closed when its task is stopped, and counts as running until it has cleaned up', async () => {
    let cleanUp: (() => void) | undefined;
    const fixture = new RunFixture(async function* ({ signal }) {
      try {
        for (let n = 1; ; n++) {
          yield n;
          await turn();
          if (n === 3) await new Promise((resolve) => signal.addEventListener('abort', resolve));
        }
      } finally {
        await new Promise<void>((resolve) => (cleanUp = resolve));
      }
    }).start();
    for (let n = 0; n < 10; n++) await turn();
    fixture.run.stop('cancelled', new TaskError('TASK_CANCELLED', 'Stop'));
    for (let n = 0; n < 3; n++) await turn();
    expect(fixture.events.map(({ event }) => event)).toEqual([undefined, undefined, undefined, 'cancelled']);
    expect(fixture.observer.jobsSettled).toBe(0);
    cleanUp?.();
    await fixture.run.settled;
    expect(fixture.observer).toMatchObject({ jobsSettled: 1, errors: [] });
  });

  it('has its stream cancelled with the reason, also while a read is pending', async () => {
    let cancelled: unknown;
    const stream = new ReadableStream({ cancel: (reason) => void (cancelled = reason) });
    const fixture = new RunFixture(() => stream).start();
    await turn();
    await turn();
    const reason = new TaskError('TASK_CANCELLED', 'Stop');
    fixture.run.stop('cancelled', reason);
    await fixture.run.settled;
    expect(cancelled).toBe(reason);
  });

  it('is pulled no faster than the log commits', async () => {
    let pulled = 0;
    let commit: (() => void) | undefined;
    const fixture = new RunFixture(async function* () {
      for (;;) yield ++pulled;
    });
    const append = (): Promise<void> => new Promise((resolve) => (commit = resolve));
    Object.assign(fixture.run.writer, { append });
    fixture.start();
    for (let n = 1; n <= 3; n++) {
      for (let turns = 0; turns < 5; turns++) await turn();
      expect(pulled).toBe(n);
      commit?.();
    }
    fixture.run.stop('cancelled', new TaskError('TASK_CANCELLED', 'Stop'));
  });

  it('has its types inferred', () => {
    const letters = async function* (): AsyncGenerator<string, number, undefined> {
      yield 'a';
      return 1;
    };
    const typed = <P, R>(job: AsyncTask<P, R>): AsyncTask<P, R> => job;
    const inferred: AsyncTask<string, number> = typed(letters);
    expect(typeof inferred).toBe('function');
  });
});

describe('A job that returns a stream of Node', () => {
  const stopped = new TaskError('TASK_CANCELLED', 'Stop');

  it('sends each chunk as progress', async () => {
    const { said } = await ran(() => Readable.from([Buffer.from('a'), 'b', { c: 1 }]));
    expect(said).toEqual([[undefined, 'a'], [undefined, 'b'], [undefined, { c: 1 }], complete()]);
  });

  it('has it destroyed with the reason, also while it waits for data that never comes', async () => {
    const stream = new PassThrough();
    const fixture = new RunFixture(() => stream).start();
    for (let n = 0; n < 3; n++) await turn();
    fixture.run.stop('cancelled', stopped);
    await fixture.run.settled;
    expect([stream.destroyed, stream.errored]).toEqual([true, stopped]);
    expect(fixture.observer.errors).toEqual([]);
  });

  it('has it destroyed where the task has ended before, and its error ends no process', async () => {
    const guard = new ProcessGuard();
    let stream: Readable | undefined;
    let goOn: (() => void) | undefined;
    const waits = new Promise<void>((resolve) => (goOn = resolve));
    const fixture = new RunFixture(async () => {
      await waits; // a job that does not look at its signal
      return (stream = createReadStream('/there/is/no/such/file'));
    }).start();
    await turn();
    fixture.run.stop('cancelled', stopped);
    goOn?.();
    await fixture.run.settled;
    await new Promise((resolve) => (stream?.closed === true ? resolve(true) : stream?.once('close', resolve)));
    expect([stream?.destroyed, guard.take()]).toEqual([true, []]);
    guard.close();
  });
});

describe('A generator whose clean-up never ends', () => {
  const stuck = (value: unknown) => () => ({
    [Symbol.asyncIterator]: () => ({
      next: async () => ({ done: false, value }),
      return: () => new Promise<never>(() => undefined),
    }),
  });

  it('keeps a task that fails until its time is over, as a job does that ignores its signal', async () => {
    const fixture = new RunFixture(
      stuck(() => 'no JSON'),
      { timeoutMs: 5_000 },
    ).start();
    for (let n = 0; n < 5; n++) await turn();
    expect(fixture.info.status).toBe('running');
    fixture.clock.advance(5_000);
    await fixture.run.ended;
    expect(fixture.said).toEqual([
      ['failed', expect.objectContaining({ error: expect.objectContaining({ code: 'TASK_TIMEOUT' }) })],
    ]);
    expect(fixture.run.isSettled).toBe(false);
  });

  it('keeps no task from being cancelled', async () => {
    const fixture = new RunFixture(stuck('a')).start();
    await turn();
    fixture.run.stop('cancelled', new TaskError('TASK_CANCELLED', 'Enough'));
    await fixture.run.ended;
    expect(fixture.said.at(-1)).toMatchObject(['cancelled', { code: 'TASK_CANCELLED' }]);
  });
});
