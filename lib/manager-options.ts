/** The options of a task manager and of its methods, and the rules that they obey. */
import type { IncomingMessage } from 'node:http';
import { IDENTITY_RULE, isIdentity } from './core/callbacks.js';
import { ENGINE_OPTION_RULES, ruleOf, type EngineOptions } from './core/engine-options.js';
import {
  A_BOOLEAN,
  A_FUNCTION,
  A_STRING,
  ANYTHING,
  oneOf,
  wholeNumber,
  type OptionRule,
  type OptionRules,
} from './core/options.js';
import { ON_BUSY_RULE, type OnBusy } from './core/requests.js';
import type { TaskStatus } from './core/status.js';
import type { Wire } from './sse/wire.js';
import { WIRE_RULE, WIRES_RULE, type WireName } from './wires/wires.js';

/** Durations in ms, sizes in bytes. */
export interface TaskManagerOptions extends EngineOptions {
  /** Who makes a request; only they may resume, see, list and cancel what they start. Default: the resume key decides. */
  owner?: (req: IncomingMessage) => string | undefined | Promise<string | undefined>;
  /**
   * Origins whose pages may start and read tasks across sites, as `https://app.example`, `https://*.app.example` (exactly one
   * label for the star) or `capacitor://localhost`. Default: none.
   */
  allowedOrigins?: readonly string[];
  /** Let pages of any site start tasks, where something else, such as a token, keeps strangers out. Default false. */
  allowCrossSite?: boolean;
  /**
   * Where clients find `router()`: `/api/tasks`, or a whole URL, with whatever prefix a proxy cuts off. Streams and 202
   * answers then say where their task can be attached to (`Content-Location`, `Location`) and cancelled (`Link`).
   * Default: they say nothing.
   */
  publicPath?: string;
  /** The same, under its older name. */
  tasksPath?: string;
  /** Wires of your own, so that this instance can serve tasks that others have started on them. Default: none. */
  wires?: readonly Wire[];
}

/** Options of `startTask`. */
export interface StartOptions<I = unknown> {
  input?: I;
  timeoutMs?: number;
  abandonAfterMs?: number;
  idempotencyKey?: string;
  /** The name of the handler whose instances may run the task again, with `onLost: 'restart'`. */
  name?: string;
  /** As for `handler`. */
  wire?: WireName | Wire;
  /** As for `handler`. */
  slot?: (req: IncomingMessage) => string | undefined;
  /** As for `handler`; 'reject' throws `SLOT_BUSY`. */
  onBusy?: OnBusy;
}

/** Options of `executeWithSSE`. */
export type ExecuteOptions = Omit<StartOptions, 'input' | 'idempotencyKey'>;

/** Options of `start`: of a task that the program itself starts, without a request. */
export interface DetachedStartOptions<I = unknown> extends Omit<StartOptions<I>, 'slot'> {
  /** Whose task it is, as the manager's option `owner` names them. Default: nobody's. */
  owner?: string;
  /** What the task is of: at most one task of an owner runs in a slot. Default: of nothing. */
  slot?: string;
}

/** Which tasks to list. */
export interface ListOptions {
  status?: TaskStatus;
  owner?: string;
  /** At most so many. Default 100. */
  limit?: number;
  /** A task id: only tasks that were started before it. The last id of a page leads to the next one. */
  before?: string;
}

/** It goes into headers as it is, into one of them between angle brackets. */
const A_PATH: OptionRule = {
  text: 'a path or URL such as /tasks',
  accepts: (path) => typeof path === 'string' && /^(?:\/|https?:\/\/)[\x21-\x7e]*$/.test(path) && !/[<>"]/.test(path),
};

export const MANAGER_OPTION_RULES: OptionRules<TaskManagerOptions> = {
  ...ENGINE_OPTION_RULES,
  owner: A_FUNCTION,
  allowedOrigins: { text: 'an array', accepts: Array.isArray },
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
  idempotencyKey: ANYTHING, // what is wrong with it is an answer to the request
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
export const STOP_OPTION_RULES: OptionRules<{ graceMs?: number }> = { graceMs: wholeNumber([0, 0, Infinity]) };
