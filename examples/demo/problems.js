// What the routes of the demo refuse by themselves, in the same form as what the library refuses.
import { STATUS_CODES } from 'node:http';

/** A request that is refused for a reason that is no task's. */
export class Refusal extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** Express error middleware, the last one: application/problem+json (RFC 9457), and no inner workings. */
export function answerRefusal(error, _req, res, next) {
  if (res.headersSent || res.destroyed) {
    next(error);
    return;
  }
  const known = error instanceof Refusal;
  if (!known) console.error(error);
  const { status, code, message } = known ? error : new Refusal(500, 'INTERNAL_ERROR', 'Something went wrong here');
  const problem = { type: 'about:blank', title: STATUS_CODES[status], status, detail: message, code };
  res.status(status).set('Cache-Control', 'no-store').type('application/problem+json').send(JSON.stringify(problem));
}
