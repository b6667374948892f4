/** The engine of a hub: it admits clients and delivers messages. */
import type { IncomingMessage } from 'node:http';
import type { Http2ServerRequest } from 'node:http2';
import { TaskError } from '../core/errors.js';
import { assertOption } from '../core/check-options.js';
import { randomKey } from '../core/task/random-key.js';
import { assertMayStart, assertServable, STREAM_METHODS, type StartRules } from '../http/guards.js';
import { createOriginList } from '../http/origins.js';
import { assertWaiting, presenceOf, requestOver } from '../http/presence.js';
import type { AnyRequest } from '../http/read-request.js';
import { Connection, type StreamResponse } from '../sse/connection.js';
import { formatEventId } from '../sse/event-id.js';
import { encodeFrame, encodeRetry } from '../sse/frame.js';
import { LogEncoder } from '../sse/log-encoder.js';
import { CLIENT_ID_HEADER, STREAM_HEADERS } from '../sse/headers.js';
import { Heartbeat } from '../sse/heartbeat.js';
import { sendHead } from '../sse/whole-answer.js';
import { isRoom, readConnectRequest, type ConnectOptions, type ConnectRequest } from './connect-request.js';
import type { Channel } from './channel.js';
import { ChannelRegistry } from './channel-registry.js';
import { ClientRegistry } from './client-registry.js';
import { Cursor, Merge, type Delivery } from './cursor.js';
import { Client, type HubClient } from './hub-client.js';
import type { HubAddress } from './hub-log.js';
import { Listeners } from './listeners.js';
import { toEntry, type HubMessage } from './hub-message.js';
import { Publisher } from './publisher.js';
import { startOf, type HubStart } from './start-position.js';
import type { ResolvedHubOptions } from './hub-options.js';

/** It has data because EventSource drops events without any, and no id so that it moves no position. */
const HEARTBEAT_EVENT = encodeFrame('heartbeat', '{}', undefined);

/** Counts since the hub was made, except for the active connections. */
export interface HubStatistics {
  /** The number of connections that are open now. */
  readonly activeConnections: number;
  /** The number of all connections so far. */
  readonly totalConnections: number;
  /** The number of messages sent to clients: a broadcast to three counts three times. */
  readonly totalMessages: number;
  /** The size of these messages as they went over the wire, in bytes. */
  readonly totalBytes: number;
}

/** Applies the rules of a hub: who may connect, where clients continue, and which channel a message belongs to. */
export class HubEngine implements Delivery {
  totalMessages = 0;
  totalBytes = 0;
  readonly merge = new Merge();
  readonly channels: ChannelRegistry;
  readonly clients: ClientRegistry;
  readonly listeners = new Listeners();
  readonly messages: Publisher;
  /** The rules for pages that may use the hub. */
  readonly startRules: StartRules;
  readonly #heartbeat: Heartbeat;
  #state: 'new' | 'started' | 'stopped' = 'new';

  constructor(readonly options: ResolvedHubOptions) {
    const { historyEvents, historyBytes, maxHistoryBytes, clientTimeoutMs, heartbeatEvent, log } = options;
    const { allowedOrigins, allowCrossSite } = options;
    this.startRules = { isAllowed: createOriginList(allowedOrigins), allowCrossSite };
    this.channels = new ChannelRegistry({ maxEvents: historyEvents, maxBytes: historyBytes }, maxHistoryBytes);
    this.clients = new ClientRegistry(options, (client) => {
      client.dispose(this.channels);
    });
    this.messages = new Publisher(log, this.channels, this.clients);
    const beat = heartbeatEvent ? { beat: HEARTBEAT_EVENT } : {};
    this.#heartbeat = new Heartbeat({ ...options, stallTimeoutMs: clientTimeoutMs, ...beat });
  }

  get all(): Channel {
    return this.channels.all;
  }

  get statistics(): HubStatistics {
    const { active: activeConnections, total: totalConnections } = this.clients;
    return { activeConnections, totalConnections, totalMessages: this.totalMessages, totalBytes: this.totalBytes };
  }

  start(): void {
    if (this.#state === 'stopped')
      throw new TaskError('SHUTDOWN', 'The hub was stopped, and takes no clients any more');
    if (this.#state === 'started') return;
    this.messages.open();
    this.#state = 'started';
  }

  /**
   * Makes `res` the connection of a client. Everything that can fail is done before anything changes.
   * @throws TaskError that the request is to be refused with, or `REQUEST_OVER`; `INVALID_OPTION`
   */
  connect(req: IncomingMessage | Http2ServerRequest, res: StreamResponse, options: ConnectOptions): HubClient {
    assertOption(typeof (res as object | null) === 'object' && 'writeHead' in res, 'res', 'a response', res);
    const presence = presenceOf(req, res);
    assertWaiting(presence);
    assertServable(req, STREAM_METHODS, presence);
    assertMayStart(req, this.startRules);
    const request = readConnectRequest(req, options);
    this.start();
    const known = this.#knownOf(request);
    this.#admit(request, known);
    const start = startOf(request.lastEventId, known, this.messages);
    const id = known?.id ?? this.#idOf(request);
    const ip = (req as AnyRequest).ip ?? req.socket.remoteAddress; // a getter, which asks the application whom to trust
    if (!sendHead(res, 200, { ...STREAM_HEADERS, [CLIENT_ID_HEADER]: id })) throw requestOver();
    const connection = new Connection(res, new LogEncoder(this.messages.epoch), this.#heartbeat);
    return this.listeners.whenDone(() => {
      if (known !== undefined) this.#replace(known);
      const client = known ?? this.#create(id, request, start.position);
      client.isNamed ||= request.idFromApplication;
      if (request.lastEventId !== undefined) client.confirmed = start.position;
      for (const room of request.rooms) client.join(room, this.messages.lastSeq, this.channels);
      client.ip = ip;
      client.connectedAtMs = this.options.clock.wallNow();
      client.since = this.options.clock.now();
      this.listeners.emit('connect', client); // before the stream, whose response may fail at once: that is the disconnect
      this.#stream(client, connection, start, request.lastEventId);
      return client;
    });
  }

  /** @returns how many clients it is for that are connected now */
  publish(to: HubAddress, message: HubMessage): number {
    assertOption(typeof to.name === 'string', `the name of the ${to.kind}`, 'a string', to.name); // it would reach nobody
    const entry = toEntry(to, message, this.options.maxEventBytes);
    if (this.#state === 'stopped') return 0;
    this.start();
    const channel = this.messages.publish(entry);
    if (channel === undefined) return 0;
    return to.kind === 'all' ? this.clients.active : channel.present;
  }

  send(clientId: string, message: HubMessage): void {
    this.clients.get(clientId);
    this.publish({ kind: 'client', name: clientId }, message);
  }

  join(client: Client, room: string): void {
    if (!isRoom(room)) throw new TaskError('INVALID_INPUT', 'A room is 1 to 128 characters');
    client.join(room, this.messages.lastSeq, this.channels);
  }

  disconnect(clientId: string): boolean {
    const client = this.clients.find(clientId);
    if (client === undefined) return false;
    this.#end(client);
    return true;
  }

  left(client: Client, cursor: Cursor): void {
    if (client.cursor !== cursor) return; // it was replaced, or ended by the hub
    this.#detach(client);
    this.clients.away(client);
    this.listeners.emit('disconnect', client);
  }

  stop(): void {
    if (this.#state === 'stopped') return;
    this.#state = 'stopped';
    this.listeners.whenDone(() => {
      for (const client of this.clients.values()) this.#end(client);
      this.clients.stop();
      this.channels.discardAll();
    });
    this.messages.close();
  }

  /**
   * Returns the client that a request continues as, if it may: one with a free id, one of the same user, or one that
   * the application names.
   */
  #knownOf({ clientId, userId, idFromApplication }: ConnectRequest): Client | undefined {
    const client = clientId === undefined ? undefined : this.clients.find(clientId);
    if (client === undefined || client.userId !== userId) return undefined;
    // The name of a client that the application chose is no secret, so no request may use it.
    if (client.isNamed && !idFromApplication) return undefined;
    // Without a user, a client that the network has cut off looks like a stranger, so the connected one stays.
    return idFromApplication || userId !== undefined || !client.connected ? client : undefined;
  }

  /** @throws TaskError `AT_CAPACITY`, `TOO_MANY_CLIENTS` */
  #admit({ clientId, userId, idFromApplication }: ConnectRequest, known: Client | undefined): void {
    const { maxClients, maxClientsPerUser } = this.options;
    const replaced = known ?? (idFromApplication && clientId !== undefined ? this.clients.find(clientId) : undefined);
    const leaving = replaced?.connected ? replaced : undefined;
    if (this.clients.active - (leaving === undefined ? 0 : 1) >= maxClients) {
      throw new TaskError('AT_CAPACITY', 'Too many clients are connected: maxClients is reached, try again later');
    }
    const ofUser = userId === undefined ? 0 : (this.channels.users.get(userId)?.present ?? 0);
    if (ofUser - (leaving !== undefined && leaving.userId === userId ? 1 : 0) >= maxClientsPerUser) {
      throw new TaskError('TOO_MANY_CLIENTS', 'Too many of your clients are connected: maxClientsPerUser is reached');
    }
  }

  /** Returns the id of a new client. An id from a request that is already taken is not given to a second client. */
  #idOf({ clientId, idFromApplication }: ConnectRequest): string {
    if (clientId === undefined) return randomKey();
    return idFromApplication || this.clients.find(clientId) === undefined ? clientId : randomKey();
  }

  #create(id: string, { userId }: ConnectRequest, firstSeq: number): Client {
    this.disconnect(id); // a client that had the name which the application gives
    const user = userId === undefined ? undefined : this.channels.addReader('user', userId);
    return new Client(id, userId, user, firstSeq);
  }

  #stream(client: Client, connection: Connection, { position, gap }: HubStart, lastEventId: string | undefined): void {
    const cursor = new Cursor(client, position, gap, this);
    this.clients.arrived(client);
    client.attach(cursor, connection);
    this.all.follow(connection);
    const connected = JSON.stringify({ client_id: client.id, timestamp: this.options.clock.wallNow() });
    // A client with a position from elsewhere must not take ours for its own before it has read the gap.
    const id =
      gap === undefined || lastEventId === undefined ? formatEventId(this.messages.epoch, position) : undefined;
    connection.open(encodeRetry(this.#heartbeat.nextRetryMs()) + encodeFrame('connected', connected, id), cursor);
  }

  /** Ends the old connection of a client that has returned before it was seen to be dead. */
  #replace(client: Client): void {
    const { cursor, follower } = client;
    if (cursor === undefined) return;
    this.#detach(client);
    cursor.discarded = true;
    follower?.wake();
    this.listeners.emit('disconnect', client);
  }

  /** Forgets the client and ends its connection with a retry. */
  #end(client: Client): void {
    const { follower } = client;
    if (follower instanceof Connection) follower.sendAway(); // everything that it can still take is written first
    const connected = client.connected;
    if (connected) this.#detach(client);
    this.clients.remove(client);
    if (connected) this.listeners.emit('disconnect', client);
  }

  #detach(client: Client): void {
    if (client.follower !== undefined) this.all.unfollow(client.follower);
    client.detach();
    this.clients.active--;
  }
}
