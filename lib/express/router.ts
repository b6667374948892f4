import express, { type Request, type Response, type Router } from 'express';
import { TaskError } from '../core/errors.js';
import type { TaskRecord } from '../core/ports.js';
import { isFinal, type TaskStatus } from '../core/status.js';
import { toTaskInfo, type TaskInfo } from '../core/task.js';
import type { TaskRequests } from '../http/task-requests.js';
import { allowOrigin, answerOptions, assertAcceptsStream, assertServable } from '../http/guards.js';
import { sendProblem } from '../http/problem.js';
import { queryOf, readResume } from '../http/request.js';

const TASK_ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const STATUSES: readonly string[] = ['running', 'completed', 'failed', 'cancelled'] satisfies TaskStatus[];
const MAX_LISTED = 1_000;

export interface RouterOptions {
  /** Has the last word on every task, after the owner rule, and turns the list on where tasks have no owners. */
  authorize?: (req: Request, task: TaskInfo) => boolean | Promise<boolean>;
}

type Answer = (req: Request, res: Response) => Promise<void>;

/** Status, result, events, cancel and list of tasks, relative to where it is mounted. */
export function createRouter(requests: TaskRequests, { authorize }: RouterOptions): Router {
  const router = express.Router();

  /** The task of the request, if its caller may know of it; somebody else's and an unknown one look the same. */
  const find = async (req: Request, texts = false): Promise<TaskRecord> => {
    const { taskId } = req.params;
    if (typeof taskId !== 'string' || !TASK_ID.test(taskId)) throw notFound();
    const record = await requests.find(req, { taskId }, texts);
    if (authorize !== undefined && !(await authorize(req, toTaskInfo(record)))) throw notFound();
    return record;
  };

  const serve = (path: string, answers: Readonly<Record<string, Answer>>): void => {
    const methods = Object.keys(answers);
    const allow = [...methods, 'OPTIONS'].join(', ');
    const answer: Answer = async (req, res) => {
      allowOrigin(req, res, requests.options.allowedOrigins);
      if (req.method === 'OPTIONS') {
        answerOptions(res, allow);
        return;
      }
      assertServable(req, methods);
      await answers[req.method]?.(req, res);
    };
    router.all(path, (req, res, next) => {
      answer(req, res).catch((error: unknown) => {
        if (!sendProblem(res, error)) next(error);
      });
    });
  };

  const list: Answer = async (req, res) => {
    const owner = await requests.ownerOf(req);
    if (requests.hasOwners ? owner === undefined : authorize === undefined) throw notFound();
    const records = await requests.engine.store.list({ ...readFilter(req), owner });
    const tasks = records.map(toTaskInfo);
    const shown = await Promise.all(tasks.map(async (task) => (await authorize?.(req, task)) ?? true));
    sendJson(res, { tasks: tasks.filter((_, index) => shown[index]).map(toStatusJson) });
  };

  const status: Answer = async (req, res) => {
    sendJson(res, toStatusJson(toTaskInfo(await find(req, true))));
  };

  const cancel: Answer = async (req, res) => {
    const { taskId } = await find(req);
    if (!(await requests.engine.cancel(taskId, 'The client cancelled it'))) {
      throw new TaskError('TASK_NOT_RUNNING', 'The task has ended already');
    }
    res.status(204).end();
  };

  const result: Answer = async (req, res) => {
    const { status, outcome } = await find(req, true);
    if (!isFinal(status) || outcome === undefined) throw new TaskError('TASK_RUNNING', 'The task has not ended yet');
    sendJson(res, outcome);
  };

  const events: Answer = async (req, res) => {
    assertAcceptsStream(req);
    const record = await find(req);
    // The id of a task that nobody owns is public, so its events need the secret as well.
    const resume = readResume(req, record.owner === undefined ? undefined : record.resumeKey);
    if (resume.resumeKey !== record.resumeKey) throw notFound();
    await (await requests.attach(record, resume, undefined)).begin(res);
  };

  serve('/', { GET: list, HEAD: list });
  serve('/:taskId', { GET: status, HEAD: status, DELETE: cancel });
  serve('/:taskId/result', { GET: result, HEAD: result });
  serve('/:taskId/events', { GET: events }); // a HEAD must not attach

  return router;
}

function readFilter(req: Request): { status?: TaskStatus; limit: number } {
  const query = queryOf(req);
  const status = query.get('status');
  const limit = Number(query.get('limit') ?? 100);
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LISTED) {
    throw new TaskError('INVALID_INPUT', `limit is a whole number from 1 to ${MAX_LISTED}`);
  }
  if (status === null) return { limit };
  if (!STATUSES.includes(status)) throw new TaskError('INVALID_INPUT', `status is one of ${STATUSES.join(', ')}`);
  return { status: status as TaskStatus, limit };
}

function sendJson(res: Response, body: object | string): void {
  res.set('Cache-Control', 'no-store').type('json');
  res.end(typeof body === 'string' ? body : JSON.stringify(body));
}

/** In snake_case, without resume key and owner. */
function toStatusJson({ resumeKey: _, owner: __, ...shown }: TaskInfo): object {
  const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return Object.fromEntries(Object.entries(shown).map(([name, value]) => [snake(name), value]));
}

const notFound = (): TaskError => new TaskError('TASK_NOT_FOUND', 'There is no such task');
