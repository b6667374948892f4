import type { IncomingMessage } from 'node:http';
import type { Http2ServerRequest } from 'node:http2';
import { TaskError } from '../core/errors.js';
import { assertServable, STREAM_METHODS } from '../http/guards.js';
import { Connection, type StreamResponse } from '../sse/connection.js';
import { formatEventId } from '../sse/event-id.js';
import { encodeFrame, encodeRetry } from '../sse/frame.js';
import { Framing } from '../sse/framing.js';
import { CLIENT_ID_HEADER, STREAM_HEADERS } from '../sse/headers.js';
import { Heartbeat } from '../sse/heartbeat.js';
import { isGone, isQueued } from '../sse/task-stream.js';
import { isRoom, readArrival, startOf, type Arrival, type ConnectOptions, type Start } from './arrival.js';
import type { Channel } from './channel.js';
import { Channels } from './channels.js';
import { Clients } from './clients.js';
import { Cursor, Merge, type Delivery } from './cursor.js';
import { Client, type HubClient } from './hub-client.js';
import { newKey, type HubAddress } from './hub-log.js';
import { Listeners } from './listeners.js';
import { toEntry, type HubMessage } from './message.js';
import { Messages } from './messages.js';
import type { ResolvedHubOptions } from './options.js';

/** Its data is there because EventSource drops events without any; its id is not, so that it moves nobody. */
const HEARTBEAT_EVENT = encodeFrame('heartbeat', '{}', undefined);

/** Counted since the hub was made, but for the active ones. */
export interface HubStatistics {
  readonly activeConnections: number;
  readonly totalConnections: number;
  /** Messages as they were sent to clients: a broadcast to three counts three times. */
  readonly totalMessages: number;
  readonly totalBytes: number;
}

/** The rules of a hub: who may connect, where they go on, and which channel a message belongs to. */
export class HubEngine implements Delivery {
  totalMessages = 0;
  totalBytes = 0;
  readonly merge = new Merge();
  readonly channels: Channels;
  readonly clients: Clients;
  readonly listeners = new Listeners();
  readonly messages: Messages;
  readonly #heartbeat: Heartbeat;
  #state: 'new' | 'started' | 'stopped' = 'new';

  constructor(readonly options: ResolvedHubOptions) {
    const { historyEvents, historyBytes, maxHistoryBytes, clientTimeoutMs, heartbeatEvent, log } = options;
    this.channels = new Channels({ maxEvents: historyEvents, maxBytes: historyBytes }, maxHistoryBytes);
    this.clients = new Clients(options, (client) => {
      client.dispose(this.channels);
    });
    this.messages = new Messages(log, this.channels, this.clients);
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
    if (this.#state === 'stopped') throw new TaskError('SHUTDOWN', 'The hub was stopped');
    if (this.#state === 'started') return;
    this.#state = 'started';
    this.messages.open();
  }

  connect(req: IncomingMessage | Http2ServerRequest, res: StreamResponse, options: ConnectOptions): HubClient {
    this.start();
    assertServable(req, STREAM_METHODS);
    if (isQueued(res)) throw new TaskError('PIPELINING', 'A stream cannot wait behind another response');
    const arrival = readArrival(req, options);
    const known = this.#knownOf(arrival);
    this.#admit(arrival, known);
    const start = startOf(arrival.lastEventId, known, this.messages);
    if (isGone(res)) return known ?? new Client(arrival.clientId ?? newKey(), arrival.userId, undefined, 0);

    const client = known ?? this.#create(arrival, start.position);
    this.#replace(client);
    if (arrival.lastEventId !== undefined) client.confirmed = start.position;
    for (const room of arrival.rooms) client.join(room, this.messages.lastSeq, this.channels);
    client.ip = (req as { ip?: string }).ip ?? req.socket.remoteAddress;
    client.connectedAtMs = this.options.clock.wallNow();
    client.since = this.options.clock.now();
    this.#stream(client, res, start, arrival.lastEventId);
    this.listeners.emit('connect', client);
    return client;
  }

  /** @returns how many clients it is for that are connected now */
  publish(to: HubAddress, message: HubMessage): number {
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
    if (client.cursor !== cursor) return; // it was replaced, or ended from here
    this.#detach(client);
    this.clients.away(client);
    this.listeners.emit('disconnect', client);
  }

  stop(): void {
    if (this.#state === 'stopped') return;
    this.#state = 'stopped';
    this.messages.close();
    for (const client of this.clients.values()) this.#end(client);
    this.clients.stop();
    this.channels.discardAll();
  }

  /** The client that comes back, if it may: a free id, or one of the same user, or as the application says. */
  #knownOf({ clientId, userId, vouched }: Arrival): Client | undefined {
    const client = clientId === undefined ? undefined : this.clients.find(clientId);
    if (client === undefined || client.userId !== userId) return undefined;
    // Where nobody can tell a client that the network has cut off from a stranger, the one that is there stays.
    return vouched || userId !== undefined || !client.connected ? client : undefined;
  }

  /** @throws TaskError `AT_CAPACITY`, `TOO_MANY_CLIENTS` */
  #admit({ clientId, userId, vouched }: Arrival, known: Client | undefined): void {
    const { maxClients, maxClientsPerUser } = this.options;
    const replaced = known ?? (vouched && clientId !== undefined ? this.clients.find(clientId) : undefined);
    const leaving = replaced?.connected ? replaced : undefined;
    if (this.clients.active - (leaving === undefined ? 0 : 1) >= maxClients) {
      throw new TaskError('AT_CAPACITY', 'The hub has all the clients that it takes');
    }
    const ofUser = userId === undefined ? 0 : (this.channels.users.get(userId)?.present ?? 0);
    if (ofUser - (leaving !== undefined && leaving.userId === userId ? 1 : 0) >= maxClientsPerUser) {
      throw new TaskError('TOO_MANY_CLIENTS', 'Too many of your clients are connected');
    }
  }

  #create({ clientId, userId, vouched }: Arrival, firstSeq: number): Client {
    let id = clientId ?? newKey();
    const taken = this.clients.find(id);
    if (taken !== undefined && vouched) this.disconnect(id);
    else if (taken !== undefined) id = newKey();
    const user = userId === undefined ? undefined : this.channels.hold('user', userId);
    return new Client(id, userId, user, firstSeq);
  }

  #stream(client: Client, res: StreamResponse, { position, gap }: Start, lastEventId: string | undefined): void {
    res.writeHead(200, { ...STREAM_HEADERS, [CLIENT_ID_HEADER]: client.id });
    const connection = new Connection(res, new Framing(this.messages.epoch), this.#heartbeat);
    const cursor = new Cursor(client, position, gap, this);
    this.clients.arrived(client);
    client.attach(cursor, connection);
    this.all.follow(connection);
    const connected = JSON.stringify({ client_id: client.id, timestamp: this.options.clock.wallNow() });
    // A client whose position is not ours must not take ours for its own before it has read the gap.
    const id =
      gap === undefined || lastEventId === undefined ? formatEventId(this.messages.epoch, position) : undefined;
    connection.open(encodeRetry(this.#heartbeat.nextRetryMs()) + encodeFrame('connected', connected, id), cursor);
  }

  /** A client that has come back before its old connection was seen to be dead goes on with the new one alone. */
  #replace(client: Client): void {
    const { cursor, follower } = client;
    if (cursor === undefined) return;
    this.#detach(client);
    cursor.discarded = true;
    follower?.wake();
    this.listeners.emit('disconnect', client);
  }

  /** Forgets the client, and ends its connection with a retry. */
  #end(client: Client): void {
    const { follower } = client;
    if (follower instanceof Connection) follower.retire(); // what it can still take is written first
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
