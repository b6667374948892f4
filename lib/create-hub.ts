/** Puts a hub together. */
import type { IncomingMessage } from 'node:http';
import type { Http2ServerRequest } from 'node:http2';
import type { RequestHandler } from 'express';
import { createHubRouter, type HubRouterOptions } from './express/hub-router.js';
import { sendProblem } from './http/problem.js';
import type { ConnectOptions } from './hub/connect-request.js';
import type { HubClient } from './hub/hub-client.js';
import { HubEngine, type HubStatistics } from './hub/hub-engine.js';
import type { HubMessage } from './hub/hub-message.js';
import { resolveHubOptions, type HubOptions } from './hub/options.js';
import type { StreamResponse } from './sse/connection.js';

/** What the hub knows of a client. */
export interface HubClientInfo {
  readonly id: string;
  readonly userId: string | undefined;
  /** The address of its connection, or of its last one. */
  readonly ip: string | undefined;
  /** When that connection began. */
  readonly connectedAt: Date;
  /** How long it has been open; 0 while the client is away. */
  readonly uptimeMs: number;
  /** Messages that it was sent, over all its connections. */
  readonly messageCount: number;
  readonly rooms: readonly string[];
  readonly connected: boolean;
}

export interface Hub {
  /**
   * Makes `res` a stream of the hub's messages: to a new client, or to one that comes back (`X-Client-ID` or
   * `?client_id=`, `Last-Event-ID` or `?last_event_id=`).
   *
   * A request that must be refused is answered here, with problem+json: `AT_CAPACITY`, `TOO_MANY_CLIENTS`,
   * `INVALID_INPUT`, `INVALID_CURSOR`, `ORIGIN_NOT_ALLOWED`, `METHOD_NOT_ALLOWED`, `PIPELINING`, `SHUTDOWN`. Nothing is
   * done where it is over already. In both cases the client that is returned is not `connected`, and no event tells of it.
   * @throws TaskError `INVALID_OPTION` where the options are wrong; nothing is changed or answered then
   *
   * @example app.get('/news', requireUser, (req, res) => { hub.connect(req, res, { userId: req.user.id, rooms: ['news'] }); });
   */
  connect(req: IncomingMessage | Http2ServerRequest, res: StreamResponse, options?: ConnectOptions): HubClient;
  /**
   * To all. Returns how many clients it is for that are connected now; those that are away get it when they come back.
   * 0 where a message with its id is kept. As with all four below:
   * @throws TaskError `INVALID_EVENT_NAME`, `RESERVED_EVENT_NAME`, `INVALID_EVENT_ID`, `UNSERIALIZABLE`,
   * `EVENT_TOO_LARGE`
   */
  broadcast(message: HubMessage): number;
  /** To one client, also while it is away. @throws TaskError `CLIENT_NOT_FOUND`, and as `broadcast` */
  send(clientId: string, message: HubMessage): void;
  /** To all clients of a user; returns as `broadcast`. */
  sendToUser(userId: string, message: HubMessage): number;
  /** To all clients in a room; returns as `broadcast`. */
  publish(room: string, message: HubMessage): number;
  /** It gets what the room is sent from now on. @throws TaskError `CLIENT_NOT_FOUND`, `INVALID_INPUT` */
  join(clientId: string, room: string): void;
  /** It still gets what the room was sent before. @throws TaskError `CLIENT_NOT_FOUND` */
  leave(clientId: string, room: string): void;
  /** Ends its connection and forgets it; false where there is no such client. Comes it back, it is a new one. */
  disconnect(clientId: string): boolean;
  /** @throws TaskError `CLIENT_NOT_FOUND` */
  getClientInfo(clientId: string): HubClientInfo;
  getActiveClientCount(): number;
  getStatistics(): HubStatistics;
  /**
   * GET /connect, POST /disconnect/:clientId, POST /broadcast, POST /send/:clientId, GET /stats, relative to where it
   * is mounted.
   */
  router(options: HubRouterOptions): RequestHandler;
  /** `connect` after the first frame was written, `disconnect` when the connection is over, whoever ended it. */
  on(event: 'connect' | 'disconnect', listener: (client: HubClient) => void): this;
  /** Implied by the first use. @throws TaskError `SHUTDOWN` after `stop` */
  start(): void;
  /** Refuses new clients, ends all streams with a jittered retry, forgets everything. Idempotent. */
  stop(): Promise<void>;
}

/** Stands for the client of a request that was refused. */
const NOT_CONNECTED: HubClient = Object.freeze({
  id: '',
  userId: undefined,
  connected: false,
  rooms: Object.freeze([]),
});

/** @throws TaskError `INVALID_OPTION` naming the option, the rule and the value */
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
    stop: () => {
      engine.stop();
      return Promise.resolve();
    },
  };
  return hub;
}
