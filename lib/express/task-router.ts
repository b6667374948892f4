/** Makes `tasks.router`, which serves status, result, events, cancel and the list of tasks over HTTP. */
import type { Request } from 'express';
import { askCallback, readDecision } from '../core/callbacks.js';
import { notFound, TaskError } from '../core/errors.js';
import { A_FUNCTION, checkOptions, type OptionRules } from '../core/check-options.js';
import type { TaskFilter, TaskRecord } from '../core/ports.js';
import { isFinal, type TaskStatus } from '../core/task/status.js';
import { toTaskInfo, toTaskSummary, type TaskInfo } from '../core/task/task.js';
import { assertAcceptsStream } from '../http/guards.js';
import { sendLargeJson } from '../http/json-answer.js';
import { queryOf, readResume, readSingleParam, type AnyRequest } from '../http/read-request.js';
import { serveRoutes, type Answer, type Middleware } from '../http/routes.js';
import { sendNoContent } from '../sse/whole-answer.js';
import type { TaskRequests } from '../http/task-requests.js';

const TASK_ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const STATUSES: readonly string[] = ['running', 'completed', 'failed', 'cancelled'] satisfies TaskStatus[];
const DEFAULT_LISTED = 100;
const MAX_LISTED = 1_000;

/** Options of `tasks.router`. */
export interface RouterOptions {
  /**
   * Decides about every task, after the owner rule, and turns the list on where tasks have no owners. Returns true or
   * false. In a list it is asked about tasks without progress and result. Default: the owner rule alone.
   */
  authorize?: (req: Request, task: TaskInfo) => boolean | Promise<boolean>;
}

const ROUTER_RULES: OptionRules<RouterOptions> = { authorize: A_FUNCTION };

/**
 * Serves the tasks relative to where it is mounted.
 * @throws TaskError `INVALID_OPTION` naming the option, the rule and the value
 */
export function createTaskRouter(requests: TaskRequests, options: RouterOptions): Middleware {
  const { authorize } = checkOptions('tasks.router', options, ROUTER_RULES);

  const isAuthorized = async (req: AnyRequest, task: TaskInfo): Promise<boolean> =>
    authorize === undefined ||
    readDecision('authorize', await askCallback('authorize', authorize, req as Request, task));

  /**
   * Returns the task of the request, if the caller may know of it. The tasks of others look the same as unknown ones.
   */
  const find = async (req: AnyRequest, taskId = '', texts = false): Promise<TaskRecord> => {
    if (!TASK_ID.test(taskId)) throw notFound();
    const record = await requests.find(req, { taskId }, texts);
    if (!(await isAuthorized(req, toTaskInfo(record)))) throw notFound();
    return record;
  };

  const list: Answer = async (req, res) => {
    const owner = await requests.ownerOf(req);
    if (requests.hasOwners ? owner === undefined : authorize === undefined) throw listIsOff(requests.hasOwners);
    const tasks = (await requests.engine.store.list({ ...readFilter(req), owner })).map(toTaskSummary);
    const shown = await Promise.all(tasks.map((task) => isAuthorized(req, task)));
    sendLargeJson(res, requests.watch, { tasks: tasks.filter((_, index) => shown[index]).map(toStatusJson) });
  };

  const status: Answer = async (req, res, { taskId }) => {
    sendLargeJson(res, requests.watch, toStatusJson(toTaskInfo(await find(req, taskId, true))));
  };

  const cancel: Answer = async (req, res, params) => {
    const { taskId } = await find(req, params.taskId);
    if (!(await requests.engine.cancel(taskId, 'The client cancelled it'))) {
      throw new TaskError('TASK_NOT_RUNNING', 'The task has ended already');
    }
    sendNoContent(res);
  };

  const result: Answer = async (req, res, { taskId }) => {
    const record = await find(req, taskId, true);
    if (!isFinal(record.status) || record.outcome === undefined) {
      throw new TaskError('TASK_RUNNING', 'The task has not ended yet');
    }
    sendLargeJson(res, requests.watch, record.outcome);
  };

  const events: Answer = async (req, res, { taskId }) => {
    const record = await find(req, taskId);
    assertAcceptsStream(req, requests.options.wires.get(record.wire).accepts);
    // The id of a task without an owner is public, so its events need the secret as well.
    const resume = readResume(req, record.owner === undefined ? undefined : record.resumeKey);
    if (resume.resumeKey !== record.resumeKey) throw notFound();
    await (await requests.attach(record, resume)).begin(res);
  };

  const routes = [
    { path: '/', answers: { GET: list, HEAD: list } },
    { path: '/:taskId', answers: { GET: status, HEAD: status, DELETE: cancel } },
    { path: '/:taskId/result', answers: { GET: result, HEAD: result } },
    { path: '/:taskId/events', answers: { GET: events } }, // a HEAD must not attach
  ];
  return serveRoutes(routes, requests.options.isAllowed);
}

function readFilter(req: AnyRequest): TaskFilter {
  const query = queryOf(req);
  const [status, limit, before] = ['status', 'limit', 'before'].map((name) => readParam(query, name));
  if (status !== undefined && !STATUSES.includes(status)) throw invalid(`status is one of ${STATUSES.join(', ')}`);
  if (limit !== undefined && (!/^[1-9]\d{0,3}$/.test(limit) || Number(limit) > MAX_LISTED)) {
    throw invalid(`limit is a whole number from 1 to ${MAX_LISTED}`);
  }
  if (before !== undefined && !TASK_ID.test(before)) throw invalid('before is the id of a task');
  return { status: status as TaskStatus | undefined, limit: Number(limit ?? DEFAULT_LISTED), before };
}

/**
 * Reads a parameter. Unlike elsewhere an empty value is not an absent one: a form sends it where somebody left a field
 * empty.
 */
function readParam(query: URLSearchParams, name: string): string | undefined {
  return query.get(name) === '' ? '' : readSingleParam(query, name, 'INVALID_INPUT');
}

/** Returns the state in snake_case, without resume key and owner. */
function toStatusJson({ resumeKey: _, owner: __, ...shown }: TaskInfo): object {
  const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return Object.fromEntries(Object.entries(shown).map(([name, value]) => [snake(name), value]));
}

/** Says why the list is off. That depends on the configuration and the caller alone, so it tells nothing of any task. */
const listIsOff = (hasOwners: boolean): TaskError =>
  new TaskError(
    'TASK_NOT_FOUND',
    hasOwners
      ? 'Tasks are listed for their owner alone, and the option owner has named nobody for this request'
      : 'The list of tasks is off: it needs the option owner of the manager, or authorize of tasks.router',
  );

const invalid = (message: string): TaskError => new TaskError('INVALID_INPUT', message);
