// Numbers from a query string.
import { TaskError } from 'resumable-sse';

/**
 * @param {import('express').Request} req
 * @param {string} name
 * @param {{ least: number, most: number, otherwise: number }} rule `otherwise` where the query does not say
 * @throws TaskError `INVALID_INPUT`, which the library answers with 400
 */
export function readWhole({ query }, name, { least, most, otherwise }) {
  const text = query[name];
  if (text === undefined || text === '') return otherwise;
  const value = typeof text === 'string' && /^\d{1,15}$/.test(text) ? Number(text) : NaN;
  if (value >= least && value <= most) return value;
  throw new TaskError('INVALID_INPUT', `${name} is a whole number from ${least} to ${most}`);
}
