/** Publishes messages. */
import { askSyncCallback } from '../core/callbacks.js';
import { formatEventId } from '../sse/event-id.js';
import { encodeFrame } from '../sse/frame.js';
import type { History } from './start-position.js';
import type { Channel } from './channel.js';
import type { ChannelRegistry } from './channel-registry.js';
import type { ClientRegistry } from './client-registry.js';
import type { Client } from './hub-client.js';
import type { HubAddress, HubEntry, HubLog } from './hub-log.js';

/** Brings each message to the log, which gives it its place among all others, and from there into its channel. */
export class Publisher implements History {
  lastSeq = 0;
  lastDirectedSeq = 0;
  readonly epoch: string;

  constructor(
    readonly log: HubLog,
    readonly channels: ChannelRegistry,
    readonly clients: ClientRegistry,
  ) {
    this.epoch = log.epoch;
  }

  get all(): Channel {
    return this.channels.all;
  }

  open(): void {
    const { log } = this;
    const commit = (seq: number, entry: HubEntry): void => {
      this.#commit(seq, entry);
    };
    askSyncCallback<[], unknown>('log.open', () => log.open(commit));
  }

  close(): void {
    const { log } = this;
    askSyncCallback<[], unknown>('log.close', () => log.close());
  }

  /**
   * Returns the channel that the message goes to; undefined where nobody receives it, or a message with its id is kept
   * there.
   */
  publish(entry: HubEntry): Channel | undefined {
    const channel = this.#channelOf(entry.to);
    if (channel === undefined || (entry.id !== undefined && channel.seqOfId(entry.id) !== undefined)) return undefined;
    const { log } = this;
    askSyncCallback<[], unknown>('log.append', () => log.append(entry));
    return channel;
  }

  #commit(seq: number, { to, event, json, id }: HubEntry): void {
    this.lastSeq = seq;
    if (to.kind !== 'all') this.lastDirectedSeq = seq;
    const channel = this.#channelOf(to);
    if (channel === undefined) return;
    this.channels.append(channel, seq, encodeFrame(event, json, id ?? formatEventId(this.epoch, seq)), id);
  }

  #channelOf({ kind, name }: HubAddress): Channel | undefined {
    switch (kind) {
      case 'all':
        return this.all;
      case 'room':
        return this.channels.rooms.get(name);
      case 'user':
        return this.channels.users.get(name);
      case 'client': {
        const client = this.clients.find(name);
        return client === undefined ? undefined : this.#ownOf(client);
      }
    }
  }

  #ownOf(client: Client): Channel {
    if (client.own !== undefined) return client.own;
    const own = (client.own = this.channels.create(client.id, client.userId));
    own.open();
    if (client.follower !== undefined) own.follow(client.follower);
    return own;
  }
}
