import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { createTaskManager, type AsyncTask, type TaskManager, type TaskManagerOptions } from '../../../lib/index.js';
import { createRedisStore, type RedisStoreOptions } from '../../../lib/redis/index.js';
import { openClient, type OpenClient, type TestClient } from './redis-clients.js';
import { SseFollower } from '../sse/sse-follower.js';

export interface InstanceOptions extends TaskManagerOptions, Pick<RedisStoreOptions, 'leaseMs'> {
  prefix?: string;
  job?: AsyncTask;
  /** Of its handler: any instance that has it runs the job again. */
  name?: string;
  open?: OpenClient;
  /** Puts something between the store and its client. */
  wrap?: (client: TestClient['client']) => TestClient['client'];
}

/** One web instance in this process: its own client, store, manager and HTTP server. */
export class WebInstance {
  readonly followers: SseFollower[] = [];

  private constructor(
    readonly manager: TaskManager,
    readonly client: TestClient,
    readonly server: Server,
  ) {}

  /** `GET /job` runs `job`; `/tasks` is the router; the header `x-user` is the owner. */
  static async open(url: string, options: InstanceOptions = {}): Promise<WebInstance> {
    const {
      prefix = 'rsse:',
      leaseMs,
      job = idle,
      open = openClient,
      wrap = (client) => client,
      name,
      ...rest
    } = options;
    const client = await open(url);
    const store = createRedisStore({
      client: wrap(client.client),
      prefix,
      ...(leaseMs === undefined ? {} : { leaseMs }),
    });
    const manager = createTaskManager({
      store,
      retryMs: 100,
      onTaskError: () => undefined,
      owner: ({ headers }) => (typeof headers['x-user'] === 'string' ? headers['x-user'] : undefined),
      ...rest,
    });
    const app = express();
    const named = name === undefined ? {} : { name };
    app.get('/job', manager.handler(job, { subscriberId: (req) => req.get('x-subscriber'), ...named }));
    app.use('/tasks', manager.router());
    const server = createServer(app).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new WebInstance(manager, client, server);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  follow(path = '/job', headers: Record<string, string> = {}): SseFollower {
    const follower = new SseFollower(this.url + path, headers);
    this.followers.push(follower);
    return follower;
  }

  /** Comes back to a task after event `seq`. */
  resume(resumeKey: string, seq = 0): SseFollower {
    return this.follower(resumeKey, { 'last-event-id': `${resumeKey}.${seq}` });
  }

  follower(resumeKey: string, headers: Record<string, string> = {}): SseFollower {
    return this.follow(`/job?resume_key=${resumeKey}`, headers);
  }

  async json(path: string, init?: RequestInit): Promise<{ status: number; body: Record<string, unknown> }> {
    const response = await fetch(this.url + path, init);
    const text = await response.text();
    return { status: response.status, body: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>) };
  }

  async close(): Promise<void> {
    for (const follower of this.followers) follower.close();
    await this.manager.stop();
    this.server.closeAllConnections();
    this.server.close();
    this.client.close();
  }
}

/** Runs until it is stopped. */
const idle: AsyncTask = ({ signal }) =>
  new Promise((_, reject) => {
    signal.addEventListener('abort', () => {
      reject(signal.reason as Error);
    });
  });
