/** The entry `./store`: everything that a store on a database of your own is made of. */
// The rules over a driver
export { createTaskStore } from '../distributed/create-task-store.js';
export type { TaskStoreOptions } from '../distributed/create-task-store.js';
export type { OpenTaskStore, StoreSettings, TaskStore, Tombstone } from '../core/ports.js';

// The shortest way: three methods
export { createKeyValueDriver } from '../key-value/key-value-driver.js';
export type { KeyValueDriverOptions } from '../key-value/key-value-driver.js';
export type { KeyValue } from '../tables/documents.js';

// The way to indexes: a table of tasks
export { createTableDriver } from '../tables/create-table-driver.js';
export type { TableDriverOptions } from '../tables/create-table-driver.js';
export { leadsTo, obstacleTo } from '../tables/task-table.js';
export type { Change, Inserted, KeptTask, TaskQuery, TaskTable } from '../tables/task-table.js';

// The port that a driver implements, where the rules of one task run in the database itself
export type { DriverSettings, TaskDriver } from '../distributed/port/driver.js';
export type { Notifications, NotificationListener, Note } from '../distributed/port/notifications.js';
export type {
  AudienceReport,
  Batch,
  Claim,
  Claimed,
  Created,
  Fate,
  ListQuery,
  Obstacle,
  OrphanQuery,
  Ref,
  Wanted,
} from '../distributed/port/calls.js';

// The values that a driver keeps
export { SCHEMA, START } from '../distributed/port/stored.js';
export type {
  AudienceShare,
  Beat,
  Departure,
  Draft,
  Ending,
  Entry,
  InstanceState,
  Place,
  StoredSnapshot,
  StoredTask,
  TaskState,
} from '../distributed/port/stored.js';

// Parts that most drivers need
export { comparePlaces, isExcess, KEPT_SHARE, trailingProgress } from '../distributed/port/entry.js';
export { TaskError } from '../core/errors.js';
export type { Clock } from '../core/clock.js';
