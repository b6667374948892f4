/** The port between the driver and a Redis client, whichever library it comes from. */

/** One command as its words; `key` is the key (or channel) that decides which node of a cluster gets it. */
export interface Command {
  readonly key: string;
  readonly args: readonly string[];
}

/** The abilities that the store needs of a client, whichever it is. */
export interface RedisPort {
  /** A command would be sent now rather than wait for a connection. */
  readonly ready: boolean;
  /** Keys live on several nodes: scripts see those of one hash slot only. */
  readonly cluster: boolean;
  /** Sends the commands in order, in one write where the client can; one promise each. */
  send(commands: readonly Command[]): Promise<unknown>[];
  /** Sends a command to one of the masters, counted from 0; undefined where there is no such master. */
  sendTo(master: number, args: readonly string[]): Promise<unknown> | undefined;
  /** Calls back whenever the client is connected again; returns how to stop that. */
  onReady(listener: () => void): () => void;
  /** Opens a connection that hears channels. The caller closes it. */
  listen(onMessage: (channel: string, message: string) => void, onReady: () => void): RedisListener;
  /** Resolves if a connection of its own, opened and closed for this, gets an answer from the node that has `key`. */
  probe(key: string): RedisProbe;
  /**
   * Gives the present connections up and opens new ones; what was under way is rejected. Resolves when they are open, which
   * may be never where the client asks a node that hangs.
   */
  reconnect(): Promise<unknown>;
}

export interface RedisListener {
  subscribe(channel: string): Promise<unknown>;
  unsubscribe(channel: string): Promise<unknown>;
  close(): void;
}

export interface RedisProbe {
  readonly answered: Promise<unknown>;
  close(): void;
}
