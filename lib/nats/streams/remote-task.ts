/** Makes a job of a worker behind NATS. */
import { TaskError } from '../../core/errors.js';
import { requireAtOnce } from '../../core/callbacks.js';
import { assertOption, checkOptions } from '../../core/check-options.js';
import type { AsyncTask, TaskContext } from '../../core/task/task.js';
import { textOf } from './messages/stream-message.js';
import type { StreamRequester } from './stream-requester.js';
import { numberRule } from '../nats-options.js';
import { checkSubject } from '../subject.js';

/** Options of `remoteTask`. */
export interface RemoteTaskOptions {
  /**
   * The time for which a living worker may send no message before the task fails with `WORKER_TIMEOUT`, in ms. Default:
   * Infinity.
   */
  idleTimeoutMs?: number;
}

/**
 * Makes a job that a worker behind NATS does. Each message of the worker is JSON and becomes progress; the worker's result
 * (JSON, or empty) becomes the result of the task. To the worker, the task is the client: browsers come and go, but when
 * the task is cancelled, times out or is abandoned, the worker stops at once. `request.watchers()` asks how many
 * browsers are attached.
 *
 * @param data makes the worker's request from the input of the task, at once: it is not awaited
 * @throws TaskError `INVALID_OPTION`. The task fails with the codes of `ResponseStream`, and with `WORKER_PROTOCOL_ERROR`
 * where a message is not JSON.
 * @example
 * app.post('/summary', tasks.handler(remoteTask(requester, 'summaries', ({ body }) => JSON.stringify(body))));
 */
export function remoteTask<P = unknown, R = unknown, I = unknown>(
  requester: StreamRequester,
  subject: string,
  data: (input: I, context: TaskContext<P, I>) => Uint8Array | string,
  options: RemoteTaskOptions = {},
): AsyncTask<P, R, I> {
  checkSubject('subject', subject);
  assertOption(typeof data === 'function', 'data', 'a function', data);
  const rules = { idleTimeoutMs: numberRule('idleTimeoutMs') };
  const { idleTimeoutMs = Infinity } = checkOptions('remoteTask', options, rules);

  return async (context, taskId, updateProgress) => {
    const { presence } = requester;
    presence.markClientOnline(taskId);
    try {
      const request = requireAtOnce('data', data(context.input, context));
      const stream = requester.streamRequestWithClient(subject, request, taskId, {
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
