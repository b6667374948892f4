/** The public surface of the package's main entry: tasks, wires, the hub, errors and ports. */
// Tasks
export { createTaskManager } from './create-task-manager.js';
export type { ManagerStatistics, StartedTask, TaskManager } from './manager-types.js';
export type {
  DetachedStartOptions,
  ExecuteOptions,
  ListOptions,
  StartOptions,
  TaskManagerOptions,
} from './manager-options.js';
export type { GapReason } from './core/log/gap.js';
export type { AsyncTask, TaskContext, TaskInfo, UpdateProgress } from './core/task/task.js';
export type { TaskTypes } from './core/task/task-types.js';
export type { TaskStatus } from './core/task/status.js';
export type { TaskEvent } from './sse/frame.js';
export type { TaskStream } from './sse/task-stream.js';
export type { HandlerOptions } from './express/task-handler.js';
export type { ResumeOptions } from './express/resume.js';
export type { RouterOptions } from './express/task-router.js';
export type { OnBusy } from './core/run/start-request.js';
export type { SnapshotOptions } from './core/run/snapshot.js';

// Wires: the framings of other people's clients, and of your own
export type { WireName } from './wires/wires.js';
export type {
  Wire,
  WireEnd,
  WireEvent,
  WireFold,
  WireGap,
  WireRefusal,
  WireSnapshot,
  WireStream,
  WireTask,
} from './sse/wire.js';

// Hub: connections that are not tasks
export { createHub } from './create-hub.js';
export type { Hub, HubClientInfo } from './create-hub.js';
export type { ConnectOptions } from './hub/connect-request.js';
export type { HubGapReason } from './hub/cursor.js';
export type { HubClient } from './hub/hub-client.js';
export type { HubAddress, HubEntry, HubLog } from './hub/hub-log.js';
export type { HubMessage } from './hub/hub-message.js';
export type { HubStatistics } from './hub/hub-engine.js';
export type { HubOptions } from './hub/hub-options.js';
export type { HubRouterOptions } from './express/hub-router.js';

// The same on one default manager, made on first use
export { cancelTask, completeTask, executeWithSSE, getTaskInfo, init, updateProgress } from './default-manager.js';

// Errors
export { TaskError } from './core/errors.js';
export type { ErrorCode } from './core/errors.js';
export { problemHandler, sendProblem } from './http/problem.js';

// The middlewares that `handler`, `router` and `resume` make
export type { Middleware } from './http/routes.js';

// Ports: what a store or a clock of your own implements
export type { Clock } from './core/clock.js';
export type {
  Awaitable,
  Creation,
  EncodedTask,
  Executor,
  OpenTaskStore,
  OrphanRunner,
  SnapshotPast,
  StoreSettings,
  StoreSizes,
  Takeover,
  TaskDraft,
  TaskFeed,
  TaskFilter,
  TaskRecord,
  TaskRef,
  TaskStore,
  TaskWriter,
  Tombstone,
} from './core/ports.js';
