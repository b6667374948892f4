import express, { type Request } from 'express';
import {
  createTaskManager,
  type HandlerOptions,
  type TaskContext,
  type TaskManager,
  type TaskManagerOptions,
} from '../../../lib/index.js';
import { controlledJob, type ControlledJob } from '../jobs/controlled-job.js';
import { listen } from '../http/raw-http.js';

export interface ChatServer {
  readonly url: string;
  readonly tasks: TaskManager;
  readonly job: ControlledJob;
  /** Starts a run of the chat. */
  readonly say: (chat: string, headers?: Record<string, string>) => Promise<Response>;
  /** Asks for what runs in the chat. */
  readonly resume: (chat: string, init?: RequestInit) => Promise<Response>;
}

const slotOf = ({ params }: Request): string | undefined => params['id'] as string | undefined;

/** POST /chat/:id is a handler with a slot, GET and DELETE /chat/:id/stream its resume, /tasks the router. */
export function useChatServers(): (options?: TaskManagerOptions & { handler?: HandlerOptions }) => Promise<ChatServer> {
  const opened: (() => Promise<void>)[] = [];
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((close) => close()));
  });
  return async ({ handler = {}, ...options } = {}) => {
    const tasks = createTaskManager({
      publicPath: '/tasks',
      onTaskError: () => undefined,
      owner: ({ headers }) => headers['x-owner'] as string | undefined,
      ...options,
    });
    const job = controlledJob();
    const app = express();
    app.post('/chat/:id', tasks.handler(job.job, { slot: slotOf, ...handler }));
    app.all('/chat/:id/stream', tasks.resume({ slot: slotOf }));
    app.use('/tasks', tasks.router());
    const listening = await listen(app);
    const { url } = listening;
    opened.push(async () => {
      await tasks.stop();
      await listening.close();
    });
    return {
      ...{ url, tasks, job },
      say: (chat, headers = {}) => fetch(`${url}/chat/${chat}`, { method: 'POST', headers }),
      resume: (chat, init) => fetch(`${url}/chat/${chat}/stream`, init),
    };
  };
}

/** The data of all frames up to the end of the answer. */
export async function dataOf(response: Response): Promise<unknown[]> {
  const lines = [...(await response.text()).matchAll(/^data: (.*)$/gm)];
  return lines.map(([, json = '']) => (json === '[DONE]' ? json : (JSON.parse(json) as unknown)));
}

/** Emits each value as progress. */
export async function emitAll({ updateProgress }: TaskContext, values: readonly unknown[]): Promise<void> {
  for (const value of values) await updateProgress(value);
}

/** Leaves the streams that a test has not read. */
export async function leave(...answers: readonly Response[]): Promise<void> {
  for (const answer of answers) await answer.body?.cancel();
}
