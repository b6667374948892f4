/** Puts the parts of a hub together. */
import type { IncomingMessage } from 'node:http';
import type { Http2ServerRequest } from 'node:http2';
import { createHubRouter, type HubRouterOptions } from './express/hub-router.js';
import { sendProblem } from './http/problem.js';
import type { Middleware } from './http/routes.js';
import type { ConnectOptions } from './hub/connect-request.js';
import type { HubClient } from './hub/hub-client.js';
import { HubEngine, type HubStatistics } from './hub/hub-engine.js';
import type { HubMessage } from './hub/hub-message.js';
import { resolveHubOptions, type HubOptions } from './hub/hub-options.js';
import type { StreamResponse } from './sse/connection.js';

/** The state of a client, connected or away. */
export interface HubClientInfo {
  /** The id of the client. */
  readonly id: string;
  /** The user that `connect` was given; undefined for none. */
  readonly userId: string | undefined;
  /** The IP address of its current connection, or of its last one. */
  readonly ip: string | undefined;
  /** The time at which that connection began. */
  readonly connectedAt: Date;
  /** The time for which it has been open, in ms; 0 while the client is away. */
  readonly uptimeMs: number;
  /** The number of messages that it was sent, over all its connections. */
  readonly messageCount: number;
  /** The rooms that it is in. */
  readonly rooms: readonly string[];
  /** False while it is away. */
  readonly connected: boolean;
}

/** Sends messages to connected clients, and keeps them for those that are away for a while. `createHub` makes one. */
export interface Hub {
  /**
   * Makes `res` a stream of the hub's messages, for a new client or for one that returns (`X-Client-ID` or
   * `?client_id=`, `Last-Event-ID` or `?last_event_id=`).
   *
   * A request that must be refused is answered here, with problem+json: `AT_CAPACITY`, `TOO_MANY_CLIENTS`,
   * `INVALID_INPUT`, `INVALID_CURSOR`, `ORIGIN_NOT_ALLOWED`, `METHOD_NOT_ALLOWED`, `PIPELINING`, `SHUTDOWN`. A request
   * that is already over is left alone. In both cases the returned client is not `connected`, and no event reports it.
   * @throws TaskError `INVALID_OPTION` where the options are wrong; nothing is changed or answered then
   *
   * @example app.get('/news', requireUser, (req, res) => { hub.connect(req, res, { userId: req.user.id, rooms: ['news'] }); });
   */
  connect(req: IncomingMessage | Http2ServerRequest, res: StreamResponse, options?: ConnectOptions): HubClient;
  /**
   * Sends to all clients. Returns the number of recipients that are connected now; the others get the message when they
   * return. Returns 0 where a message with the same id is kept.
   * @throws TaskError `INVALID_EVENT_NAME`, `RESERVED_EVENT_NAME`, `INVALID_EVENT_ID`, `UNSERIALIZABLE`,
   * `EVENT_TOO_LARGE`
   */
  broadcast(message: HubMessage): number;
  /** Sends to one client, even while it is away. @throws TaskError `CLIENT_NOT_FOUND`, and as `broadcast` */
  send(clientId: string, message: HubMessage): void;
  /** Sends to all clients of a user. Returns and throws as `broadcast` does, and `INVALID_OPTION` for an id that is no string. */
  sendToUser(userId: string, message: HubMessage): number;
  /** Sends to all clients in a room. Returns and throws as `broadcast` does, and `INVALID_OPTION` for a name that is no string. */
  publish(room: string, message: HubMessage): number;
  /**
   * Adds the client to a room, from which it gets all messages sent from now on.
   * @throws TaskError `CLIENT_NOT_FOUND`, `INVALID_INPUT` unless the room is 1 to 128 characters
   */
  join(clientId: string, room: string): void;
  /**
   * Removes the client from a room. It still gets the messages that were sent before.
   * @throws TaskError `CLIENT_NOT_FOUND`
   */
  leave(clientId: string, room: string): void;
  /**
   * Ends the client's connection and forgets the client, so that it returns as a new one. Returns false where there is
   * no such client.
   */
  disconnect(clientId: string): boolean;
  /** @throws TaskError `CLIENT_NOT_FOUND` */
  getClientInfo(clientId: string): HubClientInfo;
  /** Returns the number of clients that are connected now. */
  getActiveClientCount(): number;
  /** Returns the counts of this hub. */
  getStatistics(): HubStatistics;
  /**
   * Makes an Express router with GET /connect, POST /disconnect/:clientId, POST /broadcast, POST /send/:clientId and
   * GET /stats, relative to where it is mounted.
   * @throws TaskError `INVALID_OPTION`
   * @example app.use('/hub', hub.router({ auth: requireUser, admin: requireAdmin, userId: (req) => req.user.id }));
   */
  router(options: HubRouterOptions): Middleware;
  /**
   * Calls `listener` for each client: on `connect` after the first frame was written, on `disconnect` when the
   * connection is over, whoever ended it.
   * @throws TaskError `INVALID_OPTION`
   */
  on(event: 'connect' | 'disconnect', listener: (client: HubClient) => void): this;
  /** Starts the hub, which its first use does as well. @throws TaskError `SHUTDOWN` after `stop` */
  start(): void;
  /** Stops the hub: refuses new clients, ends all streams with a jittered retry, and forgets everything. Idempotent. */
  stop(): Promise<void>;
}

/** Stands for the client of a refused request. */
const NOT_CONNECTED: HubClient = Object.freeze({
  id: '',
  userId: undefined,
  connected: false,
  rooms: Object.freeze([]),
});

/**
 * Makes a hub.
 * @throws TaskError `INVALID_OPTION` naming the option, the rule and the value
 * @example
 * const hub = createHub();
 * app.get('/news', (req, res) => void hub.connect(req, res, { rooms: ['news'] }));
 * hub.publish('news', { event: 'headline', data: { text: 'Hello' } });
 */
export function createHub(options: HubOptions = {}): Hub {
  const engine = new HubEngine(resolveHubOptions(options));
  const { clients, options: resolved } = engine;

  const hub: Hub = {
    connect(req, res, connectOptions = {}) {
      try {
        return engine.connect(req, res, connectOptions);
      } catch (error) {
        if (sendProblem(res, error)) return NOT_CONNECTED;
        throw error;
      }
    },
    broadcast: (message) => engine.publish({ kind: 'all', name: '' }, message),
    send: (clientId, message) => {
      engine.send(clientId, message);
    },
    sendToUser: (userId, message) => engine.publish({ kind: 'user', name: userId }, message),
    publish: (room, message) => engine.publish({ kind: 'room', name: room }, message),
    join: (clientId, room) => {
      engine.join(clients.get(clientId), room);
    },
    leave: (clientId, room) => {
      clients.get(clientId).leave(room, engine.channels);
    },
    disconnect: (clientId) => engine.disconnect(clientId),

    getClientInfo(clientId) {
      const { id, userId, ip, connectedAtMs, since, messageCount, rooms, connected } = clients.get(clientId);
      const uptimeMs = connected ? resolved.clock.now() - since : 0;
      return { id, userId, ip, connectedAt: new Date(connectedAtMs), uptimeMs, messageCount, rooms, connected };
    },
    getActiveClientCount: () => clients.active,
    getStatistics: () => engine.statistics,

    router: (routerOptions) => createHubRouter(engine, routerOptions),

    on(event, listener) {
      engine.listeners.on(event, listener);
      return hub;
    },
    start: () => {
      engine.start();
    },
    stop: () =>
      new Promise((resolve) => {
        engine.stop();
        resolve();
      }),
  };
  return hub;
}
