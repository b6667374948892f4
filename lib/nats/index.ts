/** The entry `./nats`: presence, streaming requests and the workers that answer them. */
// Presence: who is online, in all processes
export { createPresence } from './presence/presence.js';
export type { StreamRequesterOptions, StreamRequestOptions } from './streams/requester-options.js';
export type { Presence, PresenceOptions } from './presence/presence.js';

// Gateways: ask for a client
export { createStreamRequester } from './streams/stream-requester.js';
export type { RequesterStatistics, StreamRequester } from './streams/stream-requester.js';
export type { ResponseStream } from './streams/incoming-stream.js';
export type { StreamMessage } from './streams/messages/stream-message.js';

// Workers: answer, for as long as there is a client
export { createStreamResponder } from './streams/stream-responder.js';
export type { ResponderStatistics, StreamResponder, StreamResponderOptions } from './streams/stream-responder.js';
export type {
  ResponseSender,
  StreamHandler,
  StreamRequest,
  SubscribeOptions,
  Subscription,
} from './streams/stream-handler.js';

// Tasks that workers do
export { remoteTask } from './streams/remote-task.js';
export type { RemoteTaskOptions } from './streams/remote-task.js';

// Errors
export { TaskError } from '../core/errors.js';
export type { ErrorCode } from '../core/errors.js';
