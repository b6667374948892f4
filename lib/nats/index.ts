// Presence: who is online, in all processes
export { createPresence } from './presence.js';
export type { Presence, PresenceOptions } from './presence.js';

// Gateways: ask for a client
export { createStreamRequester } from './stream-requester.js';
export type {
  RequesterStatistics,
  StreamRequester,
  StreamRequesterOptions,
  StreamRequestOptions,
} from './stream-requester.js';
export type { ResponseStream } from './response-stream.js';
export type { StreamMessage } from './stream-message.js';

// Workers: answer, for as long as there is a client
export { createStreamResponder } from './stream-responder.js';
export type { ResponderStatistics, StreamResponder, StreamResponderOptions } from './stream-responder.js';
export type { ResponseSender, StreamHandler, StreamRequest, SubscribeOptions, Subscription } from './stream-request.js';

// Tasks that workers do
export { remoteTask } from './remote-task.js';
export type { RemoteTaskOptions } from './remote-task.js';

// Errors
export { TaskError } from '../core/errors.js';
export type { ErrorCode } from '../core/errors.js';
