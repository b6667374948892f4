/** Makes `tasks.resume`, which serves the stream of the task that runs in a slot. */
import type { Request } from 'express';
import { askCallback, readIdentity } from '../core/callbacks.js';
import { notFound } from '../core/errors.js';
import { A_FUNCTION, checkOptions, required, type OptionRules } from '../core/check-options.js';
import type { TaskRecord } from '../core/ports.js';
import { assertAcceptsStream } from '../http/guards.js';
import { readResume, type AnyRequest } from '../http/read-request.js';
import { answerSafely, serve, type Answer, type Middleware } from '../http/routes.js';
import type { TaskRequests } from '../http/task-requests.js';
import { sendNoContent } from '../sse/whole-answer.js';

/** Options of `tasks.resume`. */
export interface ResumeOptions {
  /** Names the slot that a request asks for. With undefined the answer is 204. */
  slot: (req: Request) => string | undefined;
}

const RESUME_RULES: OptionRules<ResumeOptions> = { slot: required(A_FUNCTION) };

/** @throws TaskError `INVALID_OPTION` naming the option, the rule and the value */
export function createResume(requests: TaskRequests, options: ResumeOptions): Middleware {
  const { slot: slotFor } = checkOptions('tasks.resume', options, RESUME_RULES);
  const slotOf = async (req: AnyRequest): Promise<string | undefined> =>
    readIdentity('slot', await askCallback('slot', slotFor, req as Request));

  const runningIn = async (req: AnyRequest, slot: string | undefined): Promise<TaskRecord | undefined> =>
    slot === undefined ? undefined : requests.engine.lookUp({ slot, owner: await requests.ownerOf(req) });

  const attach: Answer = async (req, res) => {
    const resume = readResume(req, undefined);
    const { resumeKey } = resume;
    const slot = await slotOf(req);
    // A client that was cut returns to the task that it read, whatever runs in the slot by now, because it has not seen
    // the end of its own.
    const record = resumeKey === undefined ? await runningIn(req, slot) : await requests.find(req, { resumeKey });
    if (record === undefined) {
      // [spec] "a client can be told to stop reconnecting using the HTTP 204 No Content response code"
      sendNoContent(res);
      return;
    }
    if (record.slot !== slot) throw notFound();
    assertAcceptsStream(req, requests.options.wires.get(record.wire).accepts);
    await (await requests.attach(record, resume)).begin(res);
  };

  const cancel: Answer = async (req, res) => {
    const record = await runningIn(req, await slotOf(req));
    if (record !== undefined) await requests.engine.cancel(record.taskId, 'The client cancelled it');
    sendNoContent(res);
  };

  const answers = { GET: attach, DELETE: cancel };
  const middleware: Middleware = (req, res, next) => {
    answerSafely(res, next, () => serve(req, res, answers, requests.options.isAllowed));
  };
  return middleware;
}
