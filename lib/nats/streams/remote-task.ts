import { TaskError } from '../../core/errors.js';
import { assertOption } from '../../core/options.js';
import type { AsyncTask, TaskContext } from '../../core/task.js';
import { textOf } from './stream-message.js';
import type { StreamRequester } from './stream-requester.js';
import { checkSubject } from '../subject.js';

export interface RemoteTaskOptions {
  /** How long a worker that lives may send no message (`WORKER_TIMEOUT`). Default Infinity: the task's time-out counts. */
  idleTimeoutMs?: number;
}

/**
 * A job that a worker behind NATS does: each of its messages, JSON, becomes progress, and what it ends with, JSON or
 * nothing, the result. For the worker the client is the task: browsers come and go, but when the task is cancelled,
 * times out or is abandoned the worker stops at once. How many browsers are attached, `request.watchers()` says.
 *
 * @param data what the worker gets, made of the task's input
 * @throws TaskError `INVALID_OPTION`. The task fails with the codes of `ResponseStream`; what is not JSON is a
 * `WORKER_PROTOCOL_ERROR`.
 */
export function remoteTask<P = unknown, R = unknown, I = unknown>(
  requester: StreamRequester,
  subject: string,
  data: (input: I, context: TaskContext<P, I>) => Uint8Array | string,
  { idleTimeoutMs = Infinity }: RemoteTaskOptions = {},
): AsyncTask<P, R, I> {
  checkSubject('subject', subject);
  assertOption(typeof data === 'function', 'data', 'a function', data);

  return async (context, taskId, updateProgress) => {
    const { presence } = requester;
    presence.markClientOnline(taskId);
    try {
      const stream = requester.streamRequestWithClient(subject, data(context.input, context), taskId, {
        signal: context.signal,
        idleTimeoutMs,
        watchers: () => context.subscriberCount,
      });
      for await (const message of stream) await updateProgress(parse(message.data) as P);
      const result = await stream.finished;
      return (result === undefined || result.length === 0 ? undefined : parse(result)) as R;
    } finally {
      presence.markClientOffline(taskId);
    }
  };
}

function parse(data: Uint8Array): unknown {
  try {
    return JSON.parse(textOf(data));
  } catch (cause) {
    throw new TaskError('WORKER_PROTOCOL_ERROR', 'The worker sent what is not JSON', { cause });
  }
}
