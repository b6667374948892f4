import { readFileSync } from 'node:fs';
import { mock, test } from 'node:test';
import { isStoppedInTime } from './hanging-job.js';

const calls = JSON.parse(readFileSync(new URL('fake-timers.json', import.meta.url), 'utf8'));

test('a job that hangs is stopped when the fake timers of node:test say so', async () => {
  new Function('mock', calls['node:test'])(mock);
  try {
    await isStoppedInTime((ms) => mock.timers.tick(ms));
  } finally {
    mock.timers.reset();
  }
});
