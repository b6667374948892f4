/** The options of the engine, their defaults and limits. */
import { systemClock, type Clock } from '../clock.js';
import { TaskError } from '../errors.js';
import {
  A_BOOLEAN,
  A_CLOCK,
  A_FUNCTION,
  assertOption,
  checkRange,
  LARGE,
  numberRules,
  numbersOf,
  oneOf,
  TIMER_MS,
  type OptionRule,
  type OptionRules,
  type Range,
} from '../check-options.js';
import type { TaskStore } from '../ports.js';
import type { TaskInfo } from '../task/task.js';
import { describeThrown } from '../thrown.js';

/** Durations in ms, sizes in bytes. Every option is checked once, when the manager is made. */
export interface EngineOptions {
  /** The time for which a finished task stays readable. Default 3_600_000 (1 h). */
  ttlMs?: number;
  /**
   * The time that a task may run when its start gives no time-out of its own; Infinity for no limit. Default 600_000
   * (10 min).
   */
  timeoutMs?: number;
  /**
   * The time for which a task runs on with nobody attached. With 0 it is cancelled as soon as the last subscriber
   * leaves, with Infinity never. Default 3_600_000 (1 h).
   */
  abandonAfterMs?: number;
  /** The interval at which expired and abandoned tasks are looked for. Default 30_000. */
  sweepIntervalMs?: number;
  /** The longest silence on a connection before a comment is sent; 0 turns this off. Default 15_000. */
  heartbeatMs?: number;
  /** The time that clients are told to wait before they reconnect, jittered by 25 % per connection. Default 2_000. */
  retryMs?: number;
  /** The time after which a socket that has taken nothing is closed. Default 60_000. */
  stallTimeoutMs?: number;
  /**
   * The time after which a connection is ended so that its client reconnects, jittered by 25 %. Default 0, which turns
   * this off.
   */
  maxConnectionAgeMs?: number;
  /** The number of events that a task keeps. Older ones are dropped, and a late reader gets a `gap`. Default 10_000. */
  maxEventsPerTask?: number;
  /** The memory that a task's events may take; at least `maxEventBytes` + 1_024. Default 8_388_608 (8 MiB). */
  maxBytesPerTask?: number;
  /** The longest JSON text of one event or result. Default 1_048_576 (1 MiB). */
  maxEventBytes?: number;
  /** The memory of all logs together; at least `maxBytesPerTask`. Default 268_435_456 (256 MiB). */
  maxBufferedBytes?: number;
  /** The number of tasks that run on this instance at a time. Default 10_000. */
  maxRunningTasks?: number;
  /** The number of tasks of one owner that run at a time, on all instances. Default Infinity. */
  maxTasksPerOwner?: number;
  /** The number of subscribers that may be attached to one task. Default 1_000. */
  maxSubscribersPerTask?: number;
  /** Shows clients the message of any error, and not only of a TaskError. Default false. */
  exposeErrors?: boolean;
  /** Receives the real error of a failed task or a refused event. Default: a process warning. */
  onTaskError?: (error: unknown, info: TaskInfo) => void;
  /** The place where tasks live. Default: this process's memory. */
  store?: TaskStore;
  /** The time that a request waits for the store. Default 2_000. */
  storeTimeoutMs?: number;
  /** The time for which a job goes on while a shared store takes none of its events. Default 30_000. */
  appendPatienceMs?: number;
  /**
   * Decides about a task whose instance died: end it with `TASK_LOST`, or run it again. Shared stores only. Default
   * 'fail'.
   */
  onLost?: 'fail' | 'restart';
  /**
   * The number of runs of a task that may end because their instance was gone, with `onLost: 'restart'`. The last of them
   * ends the task with `TASK_LOST`. A run that a stopping instance hands over is none of them. Default 3.
   */
  maxAttempts?: number;
  /**
   * The time that a lost task waits for an instance that can run it, with `onLost: 'restart'`. Default 600_000 (10
   * min).
   */
  orphanDeadlineMs?: number;
  /**
   * The longest JSON text of an input that is kept for another run, with `onLost: 'restart'`. A task with a longer one
   * is not run again. Default 65_536.
   */
  maxInputBytes?: number;
  /** The source of time. Default: the system's. */
  clock?: Clock;
}

type NumericOption = {
  [K in keyof EngineOptions]-?: EngineOptions[K] extends number | undefined ? K : never;
}[keyof EngineOptions];

/** The options with their defaults. `store` is not among them, because the engine gets it by itself. */
export type ResolvedOptions = Required<Omit<EngineOptions, 'store'>>;

const NUMBERS: Readonly<Record<NumericOption, Range>> = {
  ttlMs: [3_600_000, 1, LARGE],
  timeoutMs: [600_000, 1, Infinity],
  abandonAfterMs: [3_600_000, 0, Infinity],
  sweepIntervalMs: [30_000, 1, TIMER_MS],
  heartbeatMs: [15_000, 0, TIMER_MS],
  retryMs: [2_000, 0, TIMER_MS],
  stallTimeoutMs: [60_000, 1, TIMER_MS],
  maxConnectionAgeMs: [0, 0, TIMER_MS],
  maxEventsPerTask: [10_000, 1, LARGE],
  maxBytesPerTask: [8_388_608, 2_048, 2 ** 32],
  maxEventBytes: [1_048_576, 1, 2 ** 28],
  maxBufferedBytes: [268_435_456, 2_048, LARGE],
  maxRunningTasks: [10_000, 1, Infinity],
  maxTasksPerOwner: [Infinity, 1, Infinity],
  maxSubscribersPerTask: [1_000, 1, Infinity],
  storeTimeoutMs: [2_000, 1, TIMER_MS],
  appendPatienceMs: [30_000, 1, TIMER_MS],
  maxAttempts: [3, 1, LARGE],
  orphanDeadlineMs: [600_000, 1, LARGE],
  maxInputBytes: [65_536, 0, 2 ** 28],
};

const NUMBER_RULES = numberRules(NUMBERS);

/** The rules of the engine's options, to which a manager adds its own. */
export const ENGINE_OPTION_RULES: OptionRules<EngineOptions> = {
  ...NUMBER_RULES,
  exposeErrors: A_BOOLEAN,
  onTaskError: A_FUNCTION,
  store: { text: 'a TaskStore, such as createRedisStore makes', accepts: (value) => typeof value === 'function' },
  onLost: oneOf('fail', 'restart'),
  clock: A_CLOCK,
};

/** A frame adds at most this to its data: names, id, and the members around a result. */
const FRAME_BYTES = 1_024;

/**
 * Returns the options, which have been checked one by one, with the defaults filled in.
 * @throws TaskError `INVALID_OPTION` where two of them do not go together
 */
export function resolveOptions(given: EngineOptions): ResolvedOptions {
  const numbers = numbersOf(NUMBERS, given);
  // A limit that was given alone pulls the defaults of the others along.
  if (given.maxBytesPerTask === undefined) {
    numbers.maxBytesPerTask = Math.min(numbers.maxBytesPerTask, numbers.maxBufferedBytes);
  }
  if (given.maxEventBytes === undefined) {
    numbers.maxEventBytes = Math.min(numbers.maxEventBytes, numbers.maxBytesPerTask - FRAME_BYTES);
  }
  const { maxEventBytes, maxBytesPerTask, maxBufferedBytes } = numbers;
  assertOption(maxBytesPerTask <= maxBufferedBytes, 'maxBytesPerTask', 'at most maxBufferedBytes', maxBytesPerTask);
  const largest = maxBytesPerTask - FRAME_BYTES;
  assertOption(maxEventBytes <= largest, 'maxEventBytes', `at most maxBytesPerTask - ${FRAME_BYTES}`, maxEventBytes);
  const { exposeErrors = false, onLost = 'fail', clock = systemClock, onTaskError = warnOfTask } = given;
  return { ...numbers, exposeErrors, onLost, onTaskError, clock };
}

/** Checks a number by the rule of the option `name`. @throws TaskError `INVALID_OPTION` */
export const checkNumber = (name: NumericOption, value: unknown): number => checkRange(name, NUMBERS[name], value);

/** Returns the rule of the option `name`, for functions that take the same option. */
export const ruleOf = (name: NumericOption): OptionRule => NUMBER_RULES[name];

/** Warns of an error that failed a task, unless it is a TaskError: that one was meant for the client, who has it. */
function warnOfTask(error: unknown, { taskId, error: told }: TaskInfo): void {
  if (error instanceof TaskError && error.code === told?.code) return;
  process.emitWarning(describeThrown(error), { type: 'TaskErrorWarning', detail: `in task ${taskId}` });
}
