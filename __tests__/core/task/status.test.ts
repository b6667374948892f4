import { isFinal, move, type FinalStatus, type TaskStatus } from '../../../lib/core/task/status.js';

const STATUSES: readonly TaskStatus[] = ['running', 'completed', 'failed', 'cancelled'];
const FINAL: readonly FinalStatus[] = ['completed', 'failed', 'cancelled'];
const LEGAL = new Set(['running>completed', 'running>failed', 'running>cancelled']);
const EVERY_PAIR = STATUSES.flatMap((from) => STATUSES.map((to) => [from, to] as const));

describe('the transition table', () => {
  it.each(EVERY_PAIR)('from %s to %s', (from, to) => {
    const attempt = (): TaskStatus => move(from, to as FinalStatus);
    if (LEGAL.has(`${from}>${to}`)) expect(attempt()).toBe(to);
    else expect(attempt).toThrow(expect.objectContaining({ code: 'TASK_NOT_RUNNING' }));
  });

  it.each(STATUSES)('knows whether %s is final', (status) => {
    expect(isFinal(status)).toBe(FINAL.includes(status as FinalStatus));
  });

  it('says in its error which status the task already has', () => {
    expect(() => move('failed', 'completed')).toThrow('The task is already failed');
  });
});
