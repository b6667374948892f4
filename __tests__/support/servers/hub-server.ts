import express, { type ErrorRequestHandler, type Express } from 'express';
import { createHub, problemHandler, type ConnectOptions, type Hub, type HubOptions } from '../../../lib/index.js';
import { Counter } from '../jobs/flow.js';
import {
  listen,
  openStream,
  type Frame,
  type Listening,
  type OpenStream,
  type StreamRequest,
} from '../http/raw-http.js';

/**
 * An Express app with both ways into a hub: `/connect` is `hub.connect()`, `/hub` the router. Who asks is what the
 * headers `x-user` and `x-admin` say.
 */
export interface HubServer extends Pick<Listening, 'port' | 'url'> {
  readonly hub: Hub;
  readonly open: (path?: string, options?: StreamRequest) => Promise<HubStream>;
  /** Resolves once so many connections are over since the server started. */
  readonly left: (count: number) => Promise<void>;
}

export interface HubStream extends OpenStream {
  readonly clientId: string;
  /** The first frame. */
  readonly connected: Frame;
  /** The next `count` frames. */
  take(count: number): Promise<Frame[]>;
}

export interface HubServerOptions extends HubOptions {
  /** What the application says of whoever connects at `/connect`. */
  connect?: (query: URLSearchParams) => ConnectOptions;
  use?: (app: Express) => void;
}

export function useHubServers(): (options?: HubServerOptions) => Promise<HubServer> {
  const servers: (() => Promise<void>)[] = [];
  afterEach(async () => {
    await Promise.all(servers.splice(0).map((close) => close()));
  });
  return async ({ connect = () => ({}), use, ...options } = {}) => {
    const hub = createHub(options);
    const left = new Counter();
    hub.on('disconnect', () => left.add(1));
    const app = express();
    use?.(app);
    app.all('/connect', (req, res) => {
      hub.connect(req, res, connect(new URL(req.originalUrl, 'http://localhost').searchParams));
    });
    app.use(
      '/hub',
      hub.router({
        auth: (req, res, next) => {
          if (req.get('x-user') === undefined) res.status(401).json({ error: 'who are you' });
          else next();
        },
        admin: (req, res, next) => {
          if (req.get('x-admin') === undefined) res.status(403).json({ error: 'admins only' });
          else next();
        },
        userId: (req) => req.get('x-user'),
      }),
    );
    app.use(problemHandler, answerUnknownError);
    const listening = await listen(app);
    servers.push(async () => {
      await hub.stop();
      await listening.close();
    });
    const open = async (path = '/connect', request: StreamRequest = {}): Promise<HubStream> => {
      const stream = await openStream(`${listening.url}${path}`, request);
      const clientId = String(stream.headers['x-client-id']);
      const connected = stream.status === 200 ? ((await stream.next()) as Frame) : ({} as Frame);
      const take = async (count: number): Promise<Frame[]> => {
        const frames: Frame[] = [];
        while (frames.length < count) frames.push((await stream.next()) as Frame);
        return frames;
      };
      return { ...stream, clientId, connected, take };
    };
    return { port: listening.port, url: listening.url, hub, open, left: (count) => left.reached(count) };
  };
}

const answerUnknownError: ErrorRequestHandler = (_error, _req, res, _next) => {
  res.status(500).end();
};
