/** Follows one task from its start, or from where a page left it, to its end. */
import { readEventId, startOfLog } from '../sse/event-id.js';
import type { ParsedEvent } from '../sse/event-parser.js';
import { toTaskEvent, type TaskEvent } from '../sse/frame.js';
import { watchBufferedLine } from './buffered-line.js';
import { callListener } from './call-listener.js';
import { isDenied, readRefusal, StreamError } from './connection/answers.js';
import { openConnection, type ConnectionOwner } from './connection/connection.js';
import { randomKey, resolveUrl } from './connection/browser-globals.js';
import { createEventIterators } from './event-iterators.js';
import { attempt, openItem, textOf } from './storage.js';
import type { StreamTaskOptions, TaskConnection, TaskUrl } from './task-options.js';
import { resolveValue } from './value-or-getter.js';

const KEY = /^[!-~]{1,255}$/;

/**
 * Starts a task, or comes back to one, and follows it to its end, over as many requests as that takes. Nothing is asked
 * and nobody is called before this has returned. It never throws: what is wrong with the arguments rejects `result`.
 *
 * @example
 * const { result } = streamTask<{ step: number }, Report>('/report', { onProgress: ({ step }) => show(step) });
 * render(await result);
 */
export function streamTask<P = unknown, R = unknown>(
  url: TaskUrl,
  options: StreamTaskOptions<P, R> = {},
): TaskConnection<P, R> {
  const { mode, resumeFrom, storageKey = `task:${typeof url === 'function' ? '' : textOf(url)}` } = options;
  const item = openItem(options.storage, storageKey);
  /** Names the start until it is answered. */
  let startKey: string | undefined;
  /** The task, once it is known, and, if the server says so, the place to attach to it. */
  let resumeKey: string | undefined;
  let location = '';
  /** The last event id, and its seq. A page that lost its memory begins anew: at 0 of that task. */
  let lastId = '';
  let position = 0;
  /** True while only the storage says that this task exists. */
  let isStored = false;

  /** Takes up what an item says, `<idempotency key or event id> <where to attach>`; an empty one stands for a start. */
  const recall = (text: string): void => {
    const [first = '', place = ''] = text.split(' ');
    const id = KEY.test(first) ? first : ''; // what somebody else has left there names no task
    const stored = readEventId(id);
    isStored = !!id;
    startKey = (!stored && id) || options.idempotencyKey;
    resumeKey = stored?.resumeKey;
    location = attempt(() => new URL(place).href) ?? '';
    const isKept = resumeFrom === 'position' && stored;
    lastId = isKept ? id : '';
    position = isKept ? stored.seq : 0;
  };
  recall(mode === 'start' ? '' : item.text);

  let taskId: string | undefined;
  /** There is nothing to come back to any more. */
  let isDone = false;
  let resolve!: (result: R) => void;
  let reject!: (error: unknown) => void;
  let setLink!: (path: string | undefined) => void;
  const result = new Promise<R>((...settle) => ([resolve, reject] = settle));
  /** Resolves to the URL that cancels the task, with the first answer. */
  const link = new Promise<string | undefined>((settle) => (setLink = settle));
  result.catch(() => undefined); // a caller that does not look at it must not be ended by it

  const line = watchBufferedLine(options as StreamTaskOptions);

  /** Writes down where a page that lost its memory goes on: after what callbacks and loops have handled. */
  const remember = (): void => {
    const handled = iterators.handled();
    const id = resumeKey ? (resumeFrom === 'position' && handled) || startOfLog(resumeKey) : startKey;
    if (id) item.keep(isDone && handled === lastId ? '' : `${id} ${location}`);
  };
  const iterators = createEventIterators<TaskEvent<P, R>>(lastId, remember);

  const prepare: ConnectionOwner['prepare'] = async (headers) => {
    const startUrl = resolveUrl(await resolveValue(url));
    if (resumeKey) headers.set('Last-Event-ID', lastId || startOfLog(resumeKey));
    else if (mode === 'resume') throw new StreamError('NOTHING_STORED');
    else {
      startKey ??= randomKey();
      if (startKey === undefined) throw new StreamError('NO_CRYPTO', 'No crypto here: pass an idempotencyKey');
      if (!KEY.test(startKey))
        throw new StreamError('INVALID_REQUEST', 'An idempotencyKey is 1 to 255 visible ASCII characters');
      headers.set('Idempotency-Key', startKey);
    }
    const target = location ? new URL(location) : startUrl;
    // In headers and not in the URL: keys have no business in logs, and a CORS preflight is kept per URL.
    if (location) for (const [name, value] of startUrl.searchParams) target.searchParams.set(name, value);
    if (resumeFrom === 'snapshot' && !position) target.searchParams.set('replay', 'snapshot');
    remember();
    // It belongs to the body of the start: some servers, such as Fastify, refuse a request that has a type and no body.
    if (location) headers.delete('Content-Type');
    const { method, body } = location ? ({} as typeof options) : options;
    return { url: target.href, method, body, ...line.prepare(target, headers, body) };
  };

  /** Takes from an answer which task it is, and where it can be attached and cancelled. */
  const learn = ({ headers, status, url: answered }: Response, asked: string): void => {
    const resolved = (place: string | null | undefined): string | undefined =>
      attempt(() => (place ? new URL(place, answered || asked).href : undefined));
    resumeKey ??= headers.get('X-Resume-Key') ?? undefined;
    // The cast: null is looked at as 'null', which is no link.
    setLink(resolved(/<([^>]*)>; rel="status"/.exec(headers.get('Link') as string)?.[1]));
    location =
      resolved(headers.get('Content-Location') ?? (status === 202 ? headers.get('Location') : null)) ?? location;
  };

  const receive = ({ event, data, id = '' }: ParsedEvent): void => {
    const eventId = readEventId(id);
    // Without an id of ours it is of something between us and the task.
    if (!eventId) return;
    const { seq } = eventId;
    ({ resumeKey } = eventId);
    line.gotNews();
    if (event === 'task') {
      isStored = false;
      if (!taskId) connection.gotNews(); // a start is known from now on
      taskId = (JSON.parse(data) as { task_id: string }).task_id;
      return;
    }
    // A gap may lead back, and a snapshot stands for what was seen; everything else comes once.
    if (event !== 'gap' && event !== 'snapshot' && seq <= position) return;
    const taskEvent = toTaskEvent<P, R>(event, data, seq);
    connection.gotNews(); // only now, since an event that cannot be read brings the task no further
    const { kind } = taskEvent;
    position = seq;
    lastId = id;
    iterators.push(taskEvent, id);
    // The end counts before anybody hears of it, since listeners may close the connection, or start the next task.
    isDone = true;
    if (kind === 'complete') resolve(taskEvent.result);
    else if (kind === 'failed') reject(new StreamError(taskEvent.error.code, taskEvent.error.message));
    else if (kind === 'cancelled') reject(new StreamError(taskEvent.code, taskEvent.reason));
    else isDone = false;
    if (isDone) remember();
    if (kind === 'progress') callListener(() => options.onProgress?.(taskEvent.data, seq));
    if (kind === 'gap') callListener(() => options.onGap?.(taskEvent));
    callListener(() => options.onEvent?.(taskEvent));
    if (isDone) connection.end();
    else remember();
  };

  const connection = openConnection(
    {
      prepare,
      redirected(response, asked) {
        if (response.status !== 202 || location) return false;
        learn(response, asked);
        return !!location;
      },
      opened: learn,
      receive,
      refused({ status = 0 }) {
        // 404, 410: the server has forgotten the task that this page was to come back to. 422: it was another start.
        if (!isStored || mode === 'resume' || status < 404) return false;
        recall('');
        return true;
      },
      caughtUp: iterators.caughtUp,
      failed: line.failed,
      ended(error) {
        // 401 and 403 say nothing about the task: it may well be there for the same page a little later.
        if ((error as StreamError | undefined)?.status && !isDenied(error as StreamError)) isDone = true;
        reject(error ?? new StreamError('CLOSED'));
        setLink(undefined);
        iterators.end(error);
        remember();
      },
    },
    options,
  );

  return {
    result,
    get taskId() {
      return taskId;
    },
    get resumeKey() {
      return resumeKey;
    },
    get state() {
      return connection.state();
    },
    close: () => connection.end(),
    async cancel() {
      const target = await link;
      if (isDone) return;
      if (!target) throw new StreamError('NO_LINK', 'The server must set publicPath');
      const headers = new Headers(await resolveValue(options.headers));
      headers.delete('Content-Type');
      const init = { method: 'DELETE', headers, credentials: options.credentials };
      const response = await (options.fetch ?? fetch)(target, init as RequestInit);
      // 409: it ended in the meantime.
      if (!response.ok && response.status !== 409) throw (await readRefusal(response)).error;
    },
    [Symbol.asyncIterator]: iterators.iterate,
  };
}
