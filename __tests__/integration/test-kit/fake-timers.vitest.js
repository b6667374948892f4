import { readFileSync } from 'node:fs';
import { test, vi } from 'vitest';
import { isStoppedInTime } from './hanging-job.js';

const calls = JSON.parse(readFileSync(new URL('fake-timers.json', import.meta.url), 'utf8'));

test('a job that hangs is stopped when the fake timers of vitest say so', async () => {
  new Function('vi', calls.vitest)(vi);
  try {
    await isStoppedInTime((ms) => vi.advanceTimersByTime(ms));
  } finally {
    vi.useRealTimers();
  }
});
