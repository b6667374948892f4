import { TaskError, type ErrorCode } from '../../lib/core/errors.js';

describe('a TaskError', () => {
  it.each<[ErrorCode, number, boolean]>([
    ['TASK_NOT_FOUND', 404, true],
    ['TASK_EXPIRED', 410, true],
    ['INVALID_INPUT', 400, true],
    ['TOO_MANY_TASKS', 429, true],
    ['AT_CAPACITY', 503, true],
    ['INVALID_OPTION', 500, false],
    ['TASK_LOST', 500, false],
  ])('with the code %s stands for status %i, and its text is for clients: %s', (code, status, expose) => {
    expect(new TaskError(code, 'text')).toMatchObject({ status, statusCode: status, expose });
  });

  it('has the status 500 where its code is a name that every object has', () => {
    expect(new TaskError('constructor' as ErrorCode, 'text')).toMatchObject({ status: 500, expose: false });
  });

  it('carries one Retry-After, which stays the same however often it is read', () => {
    const error = new TaskError('AT_CAPACITY', 'full');
    expect(error.headers['Retry-After']).toMatch(/^[1-5]$/);
    expect(error.headers).toBe(error.headers);
    expect(new TaskError('TASK_NOT_FOUND', 'gone').headers).toEqual({ 'Cache-Control': 'no-store' });
  });

  it('carries the headers that it was given, and its cause', () => {
    const cause = new Error('why');
    const error = new TaskError('METHOD_NOT_ALLOWED', 'no', { cause, headers: { Allow: 'GET' } });
    expect(error.headers).toMatchObject({ Allow: 'GET', 'Cache-Control': 'no-store' });
    expect(error.cause).toBe(cause);
  });
});
