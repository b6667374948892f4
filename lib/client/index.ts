// Tasks
export { streamTask } from './stream-task.js';
export type { Fresh, StreamTaskOptions, TaskConnection, TaskUrl } from './options.js';
export type { TaskStorage } from './storage.js';
export type { TaskEvent } from '../sse/frame.js';

// What all connections have in common
export type { ConnectionOptions, ConnectionState } from './connection.js';
export { StreamError } from './error.js';
