// Tasks
export { streamTask } from './stream-task.js';
export type { StreamTaskOptions, TaskConnection, TaskUrl } from './options.js';
export type { TaskEvent } from '../sse/frame.js';

// The hub
export { connectHub } from './connect-hub.js';
export type { HubConnection, HubConnectionOptions, HubListener } from './connect-hub.js';

// What all connections have in common
export type { ConnectionOptions, ConnectionState } from './connection.js';
export type { Fresh } from './fresh.js';
export type { TaskStorage } from './storage.js';
export { StreamError } from './error.js';
