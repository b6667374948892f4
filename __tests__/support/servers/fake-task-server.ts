import {
  streamTask,
  type ConnectionState,
  type StateDetail,
  type StreamTaskOptions,
  type TaskConnection,
  type TaskEvent,
  type TaskUrl,
} from '../../../lib/client/index.js';
import { settle, useFakeFetch, type Asked, type FakeFetch, type FakeStream } from '../clients/fake-fetch.js';

export const KEY = 'AAAAAAAAAAAAAAAAAAAAAA';
export const URL_ = 'http://tasks.test/report';
export const IDS = { 'X-Task-ID': 'task-1', 'X-Resume-Key': KEY };

export const frame = (seq: number, data: unknown, event?: string): string =>
  `${event === undefined ? '' : `event: ${event}\n`}data: ${JSON.stringify(data)}\nid: ${KEY}.${seq}\n\n`;
export const task = (position = 0): string =>
  `retry: 1000\n${frame(position, { task_id: 'task-1', position }, 'task')}`;
export const complete = (seq: number, result: unknown = 'done'): string => frame(seq, { result }, 'complete');

/** A refusal as the library words it, to be spread into `answer`. */
export const problem = (status: number, code: string, detail = 'no'): [number, Record<string, string>, string] => [
  status,
  { 'Content-Type': 'application/problem+json' },
  JSON.stringify({ type: 'about:blank', title: 'No', status, detail, code }),
];

/** A server that the test is, and a clock that it moves. */
export function useFakeServer(): {
  fake: FakeFetch;
  /** The n-th request, answered with a stream that has said which task it is. */
  streamOf: (
    n: number,
    position?: number,
    headers?: Record<string, string>,
  ) => Promise<{ asked: Asked; stream: FakeStream }>;
} {
  const fake = useFakeFetch();
  beforeEach(() => {
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'queueMicrotask', 'nextTick', 'performance'] });
    jest.spyOn(Math, 'random').mockReturnValue(1); // the longest of what the jitter may give
  });
  afterEach(() => {
    // Every test ends its stream: nothing may be left that would keep a process alive.
    expect(jest.getTimerCount()).toBe(0);
    jest.useRealTimers();
  });
  return {
    fake,
    async streamOf(n, position = 0, headers = {}) {
      const asked = await fake.request(n);
      const stream = asked.stream({ ...IDS, ...headers });
      stream.write(task(position));
      await settle();
      return { asked, stream };
    },
  };
}

interface Opened {
  connection: TaskConnection;
  events: TaskEvent[];
  states: ConnectionState[];
  /** What came with each of `states`. */
  details: StateDetail[];
}

export function open(options: StreamTaskOptions = {}, url: TaskUrl = URL_): Opened {
  const events: TaskEvent[] = [];
  const states: ConnectionState[] = [];
  const details: StateDetail[] = [];
  const connection = streamTask(url, {
    ...options,
    onEvent: (event) => events.push(event),
    onStateChange(state, detail) {
      states.push(state);
      details.push(detail);
    },
  });
  return { connection, events, states, details };
}

export async function passes(ms: number): Promise<void> {
  await jest.advanceTimersByTimeAsync(ms);
  await settle();
}

export const codeOf = async (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'no error',
    (error: unknown) => (error as { code?: string }).code,
  );
