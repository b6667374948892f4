/** The options of a task manager and of its methods, and the rules that they obey. */
import type { IncomingMessage } from 'node:http';
import { IDENTITY_RULE, isIdentity } from './core/callbacks.js';
import { ENGINE_OPTION_RULES, ruleOf, type EngineOptions } from './core/engine/engine-options.js';
import {
  A_BOOLEAN,
  A_FUNCTION,
  A_STRING,
  ANYTHING,
  assertOption,
  AN_ARRAY,
  checkOptions,
  oneOf,
  wholeNumber,
  type OptionRule,
  type OptionRules,
} from './core/check-options.js';
import { ON_BUSY_RULE, type OnBusy } from './core/run/start-request.js';
import type { TaskRef } from './core/ports.js';
import type { TaskStatus } from './core/task/status.js';
import type { Wire } from './sse/wire.js';
import { WIRE_RULE, WIRES_RULE, type WireName } from './wires/wires.js';

/** Options of `createTaskManager`. Durations are in ms, sizes in bytes. */
export interface TaskManagerOptions extends EngineOptions {
  /**
   * Names the owner of a request, who alone may resume, see, list and cancel what the request starts. Default: none;
   * then the resume key decides.
   */
  owner?: (req: IncomingMessage) => string | undefined | Promise<string | undefined>;
  /**
   * Origins whose pages may start and read tasks across sites, as `https://app.example`, `https://*.app.example` (exactly one
   * label for the star) or `capacitor://localhost`. Default: none.
   */
  allowedOrigins?: readonly string[];
  /** Lets pages of any site start tasks, where something else, such as a token, keeps strangers out. Default false. */
  allowCrossSite?: boolean;
  /**
   * The place where clients find `router()`: a path such as `/api/tasks`, or a whole URL, with any prefix that a proxy
   * cuts off. Streams and 202 answers then name the place where their task can be attached to (`Content-Location`,
   * `Location`) and cancelled (`Link`). Default: none, and no such headers.
   */
  publicPath?: string;
  /** The older name of `publicPath`. */
  tasksPath?: string;
  /** Your own wires, so that this instance can serve tasks that others have started on them. Default: none. */
  wires?: readonly Wire[];
}

/** Options of `startTask`. */
export interface StartOptions<I = unknown> {
  /** The input of the job, as `context.input`. Default: undefined. */
  input?: I;
  /** The time that the task may run, in ms; Infinity for no limit. Default: the manager's. */
  timeoutMs?: number;
  /** The time for which the task runs on with nobody attached, in ms. Default: the manager's. */
  abandonAfterMs?: number;
  /**
   * A repeated start with the same key gets the task of the first one. 1 to 255 visible ASCII characters. Default: the
   * key of the request, if it brings one.
   */
  idempotencyKey?: string;
  /**
   * The name of the handler that may run the task again, on any instance that has mounted it, with `onLost: 'restart'`.
   */
  name?: string;
  /** The framing of the task's events: see `HandlerOptions.wire`. Default 'default'. */
  wire?: WireName | Wire;
  /** Names the slot that the task runs in: see `HandlerOptions.slot`. Default: none. */
  slot?: (req: IncomingMessage) => string | undefined;
  /**
   * Decides about a start whose slot is taken. 'reject' throws `SLOT_BUSY`; 'attach' and 'interrupt' as in
   * `HandlerOptions.onBusy`. Default 'reject'.
   */
  onBusy?: OnBusy;
}

/** Options of `executeWithSSE`. */
export type ExecuteOptions = Omit<StartOptions, 'input' | 'idempotencyKey'>;

/** Options of `start`, which starts a task without a request. */
export interface DetachedStartOptions<I = unknown> extends Omit<StartOptions<I>, 'slot'> {
  /** The owner of the task, as the manager's option `owner` would name them. Default: none. */
  owner?: string;
  /** The slot that the task runs in; at most one task of an owner runs in a slot. Default: none. */
  slot?: string;
}

/** Options of `listTasks`. */
export interface ListOptions {
  /** Lists tasks in this state. Default: all. */
  status?: TaskStatus;
  /** Lists the tasks of this owner, as the manager's option `owner` names them. Default: all. */
  owner?: string;
  /** The number of tasks to list at most. Default 100. */
  limit?: number;
  /** The id of a task: lists those that were started before it. The last id of a page leads to the next one. */
  before?: string;
}

/** The value goes into headers unchanged, into one of them between angle brackets. */
const A_PATH: OptionRule = {
  text: 'a path or URL such as /tasks',
  accepts: (path) => typeof path === 'string' && /^(?:\/|https?:\/\/)[\x21-\x7e]*$/.test(path) && !/[<>"]/.test(path),
};

export const MANAGER_OPTION_RULES: OptionRules<TaskManagerOptions> = {
  ...ENGINE_OPTION_RULES,
  owner: A_FUNCTION,
  allowedOrigins: AN_ARRAY,
  allowCrossSite: A_BOOLEAN,
  publicPath: A_PATH,
  tasksPath: A_PATH,
  wires: WIRES_RULE,
};
export const START_OPTION_RULES: OptionRules<StartOptions> = {
  input: ANYTHING,
  timeoutMs: ruleOf('timeoutMs'),
  abandonAfterMs: ruleOf('abandonAfterMs'),
  name: { text: 'a string that is not empty', accepts: (value) => typeof value === 'string' && value !== '' },
  idempotencyKey: ANYTHING, // an invalid key is refused as part of the request
  wire: WIRE_RULE,
  slot: A_FUNCTION,
  onBusy: ON_BUSY_RULE,
};
const AN_IDENTITY: OptionRule = { text: IDENTITY_RULE, accepts: isIdentity };
export const DETACHED_START_OPTION_RULES: OptionRules<DetachedStartOptions> = {
  ...START_OPTION_RULES,
  owner: AN_IDENTITY,
  slot: AN_IDENTITY,
};
export const LIST_OPTION_RULES: OptionRules<ListOptions> = {
  status: oneOf('running', 'completed', 'failed', 'cancelled'),
  owner: AN_IDENTITY,
  limit: wholeNumber([100, 0, Infinity]),
  before: A_STRING,
};
/** Names one task: by its id, by its key, or by its slot and owner. */
interface FindOptions {
  /** The id of the task. */
  taskId?: string;
  /** The secret of the task. */
  resumeKey?: string;
  /** The slot that the task runs in. */
  slot?: string;
  /** The owner of the slot. Default: none. */
  owner?: string | undefined;
}

const FIND_OPTION_RULES: OptionRules<FindOptions> = {
  taskId: A_STRING,
  resumeKey: A_STRING,
  slot: A_STRING,
  owner: AN_IDENTITY,
};

/**
 * Returns the reference that `find` was given. An owner that would not count, because the task is named in another way
 * or the word is misspelt, is refused: the caller relies on it.
 * @throws TaskError `INVALID_OPTION`
 */
export function checkTaskRef(given: FindOptions): TaskRef {
  const { taskId, resumeKey, slot, owner } = checkOptions('find', given, FIND_OPTION_RULES);
  const names = [taskId, resumeKey, slot].filter((name) => name !== undefined);
  const isOne = names.length === 1 && (owner === undefined || slot !== undefined);
  assertOption(isOne, 'the options of find', 'a taskId, a resumeKey, or a slot and its owner', given);
  if (taskId !== undefined) return { taskId };
  return resumeKey === undefined ? { slot: slot as string, owner } : { resumeKey };
}

export const STOP_OPTION_RULES: OptionRules<{ graceMs?: number }> = { graceMs: wholeNumber([0, 0, Infinity]) };
