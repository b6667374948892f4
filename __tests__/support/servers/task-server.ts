import express, { type ErrorRequestHandler, type Express } from 'express';
import {
  createTaskManager,
  problemHandler,
  type HandlerOptions,
  type RouterOptions,
  type TaskManager,
  type TaskManagerOptions,
} from '../../../lib/index.js';
import { controlledJob, type ControlledJob, type ControlledRun } from '../jobs/controlled-job.js';
import { ManualClock } from '../clock/manual-clock.js';
import { Counter } from '../jobs/flow.js';
import { listen, openStream, type Listening, type OpenStream, type StreamRequest } from '../http/raw-http.js';

export interface TaskServerOptions extends TaskManagerOptions {
  handler?: HandlerOptions;
  router?: RouterOptions;
  subscriberId?: string;
  /** Middleware of the app, before the routes. */
  use?: (app: Express) => void;
}

/**
 * An Express app with every way into a task manager: `/report` is `handler()`, `/execute` is `executeWithSSE()` with
 * `pipe()`, `/tasks` is the router. All of them run the one job that the test controls.
 */
export interface TaskServer extends Pick<Listening, 'port' | 'url'> {
  readonly tasks: TaskManager;
  readonly job: ControlledJob;
  /** What `onTaskError` got. */
  readonly errors: readonly unknown[];
  readonly open: (path: string, options?: StreamRequest) => Promise<OpenStream>;
  /** Starts a task at `path` and leaves it running with nobody attached. */
  readonly begin: (path?: string, options?: StreamRequest) => Promise<ControlledRun>;
  /** Resolves once so many responses are over since the server started, whoever ended them. */
  readonly closed: (count: number) => Promise<void>;
  /** Resolves once so many requests have been refused, whether or not the client knows. */
  readonly refused: (count: number) => Promise<void>;
  /** Everything that a refused request must leave as it was. */
  readonly state: () => Promise<unknown>;
}

/** A function that makes servers and closes them after each test. */
export function useTaskServers(): (options?: TaskServerOptions) => Promise<TaskServer> {
  const servers: (TaskServer & { close(): Promise<void> })[] = [];
  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.close()));
  });
  return async (options) => {
    const server = await startTaskServer(options);
    servers.push(server);
    return server;
  };
}

export async function startTaskServer(options: TaskServerOptions = {}): Promise<TaskServer & Pick<Listening, 'close'>> {
  const { handler = {}, router = {}, subscriberId, use, ...managerOptions } = options;
  const errors: unknown[] = [];
  const tasks = createTaskManager({ onTaskError: (error) => errors.push(error), ...managerOptions });
  const job = controlledJob();
  const app = express();
  const closed = new Counter();
  const refused = new Counter();
  app.use((_req, res, next) => {
    res.once('close', () => closed.add(1));
    const end = res.end.bind(res) as (body?: string) => typeof res;
    res.end = ((body?: string) => {
      if (res.statusCode >= 400) refused.add(1);
      return end(body);
    }) as typeof res.end;
    next();
  });
  use?.(app);
  app.all('/report', tasks.handler(job.job, handler));
  app.all('/execute', async (req, res, next) => {
    try {
      const stream = await tasks.executeWithSSE(req, undefined, subscriberId, job.job);
      await stream.pipe(res);
    } catch (error) {
      next(error);
    }
  });
  app.use('/tasks', tasks.router(router));
  app.use(problemHandler, answerUnknownError);
  const listening = await listen(app);

  const open = (path: string, request?: StreamRequest): Promise<OpenStream> =>
    openStream(`${listening.url}${path}`, request);
  return {
    port: listening.port,
    url: listening.url,
    tasks,
    job,
    errors,
    open,
    begin: async (path = '/report', request = {}) => {
      const nth = job.calls + 1;
      const headers = { ...request.headers, Prefer: 'respond-async' };
      const { status } = await open(path, { ...request, headers });
      if (status !== 202) throw new Error(`the task did not start: ${String(status)}`);
      return job.run(nth);
    },
    refused: (count) => refused.reached(count),
    closed: (count) => closed.reached(count),
    state: async () => ({ statistics: tasks.getStatistics(), tasks: await tasks.listTasks(), calls: job.calls }),
    close: async () => {
      await tasks.stop();
      await listening.close();
    },
  };
}

/**
 * A server whose task has made three steps, for tables of requests that are refused: what is refused leaves nothing
 * behind, so the requests cannot disturb each other.
 */
export async function startServerWithTask(): Promise<{
  readonly server: Awaited<ReturnType<typeof startTaskServer>>;
  readonly key: string;
  readonly taskId: string;
}> {
  const server = await startTaskServer({ clock: new ManualClock() });
  const { context } = await server.begin();
  for (let step = 1; step <= 3; step++) await context.updateProgress({ step });
  return { server, key: context.resumeKey, taskId: context.taskId };
}

/** Gets JSON, which no cache may keep. */
export async function getJson(
  server: TaskServer,
  path: string,
  headers: Record<string, string> = {},
): Promise<unknown> {
  const stream = await server.open(path, { headers });
  expect(stream.status).toBe(200);
  expect(stream.headers['content-type']).toMatch(/^application\/json/);
  expect(stream.headers['cache-control']).toBe('no-store');
  return JSON.parse(await stream.text());
}

/** Express would print what it does not know. */
const answerUnknownError: ErrorRequestHandler = (_error, _req, res, _next) => {
  res.status(500).end();
};
