import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runInNewContext } from 'node:vm';
import { runJob } from '../../lib/testing/index.js';

const page = readFileSync(join(__dirname, '..', '..', 'docs', 'TESTING.md'), 'utf8');
const [, call] = /^\| jest +\| `(jest\.useFakeTimers\(.+\))` +\|$/m.exec(page)!;

afterEach(() => {
  jest.useRealTimers();
});

it('a job that hangs is stopped by the fake timers of Jest', async () => {
  runInNewContext(call!, { jest });
  const hangs = async (): Promise<void> => new Promise(() => undefined);
  let stopped = false;
  const stoppedInTime = expect(runJob(hangs, undefined, { timeoutMs: 60_000 })).rejects.toMatchObject({
    code: 'TASK_TIMEOUT',
  });
  void stoppedInTime.then(() => (stopped = true));
  await new Promise((resolve) => setImmediate(resolve));
  jest.advanceTimersByTime(59_000);
  await new Promise((resolve) => setImmediate(resolve));
  expect(stopped).toBe(false);
  jest.advanceTimersByTime(1_000);
  await stoppedInTime;
});
