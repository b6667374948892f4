/** The entry `./client`: follows tasks and hubs, in browsers and in Node. */
// Tasks
export { streamTask } from './stream-task.js';
export type { StreamTaskOptions, TaskConnection, TaskUrl } from './task-options.js';
export type { TaskTypes } from '../core/task/task-types.js';
export type { TaskEvent } from '../sse/frame.js';

// For clients that somebody else has written
export { resumableFetch } from './resumable-fetch.js';
export type { ResumableFetchOptions } from './resumable-fetch.js';

// The hub
export { connectHub } from './connect-hub.js';
export type { HubConnection, HubConnectionOptions, HubListener } from './connect-hub.js';

// Shared by all connections
export type { ConnectionOptions, ConnectionState, DebugRecord, FetchLike, StateDetail } from './connection/options.js';
export type { ValueOrGetter } from './value-or-getter.js';
export type { TaskStorage } from './storage.js';
export { StreamError } from './connection/answers.js';
