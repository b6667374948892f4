/** Commands that must be refused. */
import fc from 'fast-check';
import { command, index } from './command.js';

export const refused = command<{ task: number; kind: string; text: string }>(
  'refused',
  {
    task: index,
    kind: fc.constantFrom(
      ...['unknown key', 'bad key', 'bad cursor', 'strange cursor', 'HEAD', 'prefetch', 'cross-site'],
      ...['bad idempotency key', 'bad time-out', 'no job', 'unknown task', 'bad status'],
    ),
    text: fc.constantFrom('abc', '-1', '1.5.5', '1e3', '007', ' 5', '9007199254740992', '1, 2', '☃', '__proto__'),
  },
  async (world, { task: at, kind, text }) => {
    const { manager } = world;
    const task = world.tasks.length > 0 ? world.task(at) : undefined;
    const key = task?.resumeKey ?? 'A'.repeat(22);
    const job = world.newTask({}).job;
    const owned = task?.owner;
    const execute =
      (url: string, headers: Record<string, string> = {}, method = 'GET', resumeKey?: string) =>
      () =>
        manager.executeWithSSE(world.request(url, owned, headers, method), resumeKey, undefined, job);
    switch (kind) {
      case 'unknown key':
        return world.refuses('TASK_NOT_FOUND', execute('/job', {}, 'GET', '_'.repeat(22)));
      case 'bad key':
        return world.refuses('INVALID_RESUME_KEY', execute('/job', {}, 'GET', text));
      case 'bad cursor':
        return world.refuses('INVALID_CURSOR', execute('/job', { 'last-event-id': `${key}.${text}` }));
      case 'strange cursor':
        return world.refuses('INVALID_CURSOR', execute('/job', { 'last-event-id': `${'B'.repeat(22)}.1` }, 'GET', key));
      case 'HEAD':
        return world.refuses('METHOD_NOT_ALLOWED', execute('/job', {}, 'HEAD'));
      case 'prefetch':
        return world.refuses('PREFETCH_REFUSED', execute('/job', { 'sec-purpose': 'prefetch;prerender' }));
      case 'cross-site':
        return world.refuses('ORIGIN_NOT_ALLOWED', execute('/job', { 'sec-fetch-site': 'cross-site' }));
      case 'bad idempotency key':
        return world.refuses('INVALID_INPUT', execute('/job', { 'idempotency-key': 'a b' }));
      case 'bad time-out':
        if (world.refusal(owned) === 'SHUTDOWN' || world.refusal(owned) === 'AT_CAPACITY') return;
        return world.refuses('INVALID_OPTION', () =>
          manager.executeWithSSE(world.request('/job', owned), undefined, undefined, job, NaN),
        );
      case 'no job':
        return world.refuses('INVALID_OPTION', () =>
          manager.executeWithSSE(world.request('/job', owned), undefined, undefined, 'job' as never),
        );
      case 'unknown task':
        await world.refuses('TASK_NOT_FOUND', () => manager.getTaskInfo(text));
        await world.refuses('TASK_NOT_FOUND', () => manager.cancelTask(text));
        await world.refuses('TASK_NOT_FOUND', () => manager.updateProgress(text, 1));
        return world.refuses('TASK_NOT_FOUND', () => manager.completeTask(text, 'completed'));
      default:
        return world.refuses('INVALID_OPTION', () => manager.completeTask(task?.taskId ?? '', text as never));
    }
  },
);
