/** Starts a TCP proxy that breaks connections as a test has planned. */
import { once } from 'node:events';
import net from 'node:net';
import { checkRange } from '../core/check-options.js';
import { Counter, Gate, Meter } from './flow.js';

/**
 * The fate of a connection at its byte:
 * - `rst`: reset. The peer's kernel may drop what it has not handed over yet, so at most that many bytes arrive.
 * - `fin`: an orderly close in mid-stream, as proxies do. Exactly that many bytes arrive.
 * - `blackhole`: the rest is read and thrown away, as by a proxy that acknowledges for a browser that is gone.
 * - `stall`: nothing is read any more, as from a stopped client: the server's socket fills up.
 */
export type CutKind = 'rst' | 'fin' | 'blackhole' | 'stall';

/** The fate of one connection. */
export interface ConnectionPlan {
  /** Bytes from server to client (status line and headers count) after which `kind` happens. 0: when the server begins to answer. Default: never. */
  after?: number;
  /** Default `rst`. */
  kind?: CutKind;
  /** Forward in pieces of at most this size, each a TCP segment of its own: 1 splits every UTF-8 sequence and line ending. */
  chunkBytes?: number;
  /** Only bytes allowed by `grant` pass. A rate without a clock: whoever tests decides when the next kilobyte is due. */
  metered?: boolean;
}

/** Decides the fate of each connection; `connection` counts from 1. */
export type CutPlan = (connection: number) => ConnectionPlan;

/** A proxy that breaks connections. `createCutProxy` makes one. */
export interface CutProxy {
  /** The port on which it listens. */
  readonly port: number;
  /** The URL on which it listens, without a slash at the end. */
  readonly url: string;
  /** The number of connections so far. */
  readonly connections: number;
  /** The number of connections that a plan or `cutAll` ended, blackholed or stalled. */
  readonly cuts: number;
  /** Bytes written to the client of this connection. */
  delivered(connection: number): number;
  /** Resolves once there have been this many cuts. */
  untilCut(count?: number): Promise<void>;
  /** Cuts every connection that is open now, wherever it is. */
  cutAll(kind?: CutKind): void;
  /** Stops reading from all servers, of later connections too, until `resume`. */
  pause(): void;
  /** Reads from all servers again. */
  resume(): void;
  /** Lets `bytes` more pass on the metered connections together; resolves when they have been written. */
  grant(bytes: number): Promise<void>;
  /** Destroys every socket. */
  close(): Promise<void>;
}

/**
 * Starts a TCP proxy on 127.0.0.1 that knows nothing of HTTP and breaks connections where its plan says.
 * @param target what it forwards to; `host` is 127.0.0.1 by default
 * @param plan by default no connection is ever cut but by `cutAll`
 * @throws TaskError `INVALID_OPTION` where `port` is none
 * @example
 * const proxy = await createCutProxy({ port }, (connection) => (connection < 4 ? { after: 2_000 } : {}));
 * const { events } = await collect(`${proxy.url}/report`, { maxConnections: 4 });
 * expectExact(events);
 */
export async function createCutProxy(
  { port: targetPort, host = '127.0.0.1' }: { readonly port: number; readonly host?: string },
  plan: CutPlan = () => ({}),
): Promise<CutProxy> {
  checkRange('port', [0, 1, 65_535], targetPort);
  const links: Link[] = [];
  const cuts = new Counter();
  const meter = new Meter();
  const gate = new Gate();

  const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const upstream = net.connect({ port: targetPort, host, allowHalfOpen: true, noDelay: true });
    const link = new Link(client, upstream, plan(links.length + 1), { meter, gate, cuts });
    links.push(link);
    void link.run();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;

  return {
    port,
    url: `http://127.0.0.1:${port}`,
    get connections() {
      return links.length;
    },
    get cuts() {
      return cuts.count;
    },
    delivered: (connection) => links[connection - 1]?.delivered ?? 0,
    untilCut: (count = 1) => cuts.reached(count),
    cutAll: (kind = 'rst') => {
      for (const link of links) link.cut(kind);
    },
    pause: () => gate.shut(),
    resume: () => gate.open(),
    grant: (bytes) => meter.grant(bytes),
    close: async () => {
      for (const link of links) link.destroy();
      gate.open();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** One client, one upstream connection, and the pump between them. */
class Link {
  delivered = 0;
  #over = false;

  constructor(
    readonly client: net.Socket,
    readonly upstream: net.Socket,
    readonly plan: ConnectionPlan,
    readonly shared: { meter: Meter; gate: Gate; cuts: Counter },
  ) {}

  async run(): Promise<void> {
    const { client, upstream } = this;
    // Errors are what this proxy is for; 'close' follows each of them and does the work.
    client.on('error', () => undefined);
    client.on('data', (bytes) => upstream.write(bytes));
    client.on('end', () => upstream.end());
    client.on('close', () => {
      // A dead peer tells the server nothing: a blackholed or stalled server side outlives its client.
      if (!this.#over) upstream.destroy();
    });
    upstream.on('error', () => {
      if (!this.#over) client.resetAndDestroy();
    });
    try {
      // Not destroyed on return: what is blackholed or stalled stays open towards the server.
      for await (const bytes of upstream.iterator({ destroyOnReturn: false })) {
        await this.#forward(bytes as Buffer);
        if (this.#over) return;
      }
    } catch {
      return; // the server reset the connection, or one side was destroyed
    }
    if (!this.#over) client.end();
  }

  /** Idempotent: a connection is cut once. */
  cut(kind: CutKind): void {
    if (this.#over || this.client.destroyed) return;
    this.#over = true;
    this.shared.cuts.add(1);
    switch (kind) {
      case 'rst':
        this.client.resetAndDestroy();
        this.upstream.destroy();
        return;
      case 'fin':
        this.client.end();
        this.upstream.destroy();
        return;
      case 'blackhole':
        this.upstream.on('data', () => undefined).resume();
        return;
      case 'stall':
        this.upstream.pause();
    }
  }

  destroy(): void {
    this.client.destroy();
    this.upstream.destroy();
  }

  /** A method, since what is checked before an await says nothing about after it. */
  #isOver(): boolean {
    return this.#over;
  }

  async #forward(bytes: Buffer): Promise<void> {
    const { after = Infinity, kind = 'rst', chunkBytes = Infinity } = this.plan;
    if (after === 0) this.cut(kind);
    let rest = bytes;
    while (rest.length > 0 && !this.#isOver()) {
      await this.shared.gate.passable();
      let size = Math.min(rest.length, chunkBytes, after - this.delivered);
      if (this.plan.metered) size = await this.shared.meter.take(size);
      if (this.#isOver()) return;
      await this.#write(rest.subarray(0, size));
      if (this.plan.metered) this.shared.meter.done(size);
      rest = rest.subarray(size);
      const cutsNow = this.delivered >= after;
      if (chunkBytes !== Infinity || (cutsNow && kind === 'rst')) await peerHasRead();
      if (cutsNow) this.cut(kind);
    }
  }

  /** Waits until the kernel has the bytes: a write that is followed at once by destroy() is lost. */
  #write(bytes: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      this.client.write(bytes, (error) => {
        if (error) {
          reject(error);
          return;
        }
        this.delivered += bytes.length;
        resolve();
      });
    });
  }
}

/**
 * Time for a peer in this process to read what it was sent. Without it pieces pile up in its socket and are read as one, and libuv
 * reports data and a reset that arrive together as an orderly end. A peer reads once in each turn of the loop, and whatever the
 * phase we are in, a whole turn lies between us and the second immediate.
 */
async function peerHasRead(): Promise<void> {
  for (let turn = 0; turn < 2; turn++) await new Promise((resolve) => setImmediate(resolve));
}
