import type { EventSourceMessage } from 'eventsource-parser';
import { formatEventId, parseEventId } from '../sse/event-id.js';
import { toTaskEvent, type TaskEvent } from '../sse/frame.js';
import { openConnection } from './connection.js';
import { StreamError, toStreamError } from './error.js';
import { createEventLoops } from './event-loops.js';
import type { Fresh, StreamTaskOptions, TaskConnection, TaskUrl } from './options.js';
import { callSafely } from './safely.js';
import { openItem } from './storage.js';

/**
 * Starts a task, or comes back to one, and follows it to its end, over as many connections as that takes. Nothing is
 * asked and nobody is called back before this has returned.
 */
export function streamTask<P = unknown, R = unknown>(
  url: TaskUrl,
  options: StreamTaskOptions<P, R> = {},
): TaskConnection<P, R> {
  const { method, body, headers: givenHeaders, credentials, onProgress, onEvent, onGap } = options;
  const { storage, storageKey = `task:${typeof url === 'function' ? '' : url}`, resumeFrom } = options;
  const keepsPosition = resumeFrom === 'position';

  // What must not be forgotten: how the start is named; then which task it became, where we are, and, from a 202, where
  // to attach. In a storage it is `<idempotency key or event id> <location>`.
  const [text, keep] = openItem(storage, storageKey);
  const [storedId = '', storedLocation = ''] = text.split(' ');
  const stored = parseEventId(storedId);
  const idempotencyKey = storedId || (options.idempotencyKey ?? randomKey());
  let resumeKey = stored?.resumeKey;
  let position = keepsPosition ? (stored?.seq ?? 0) : 0;
  let location = storedLocation;

  let taskId: string | undefined;
  /** There is nothing to come back to any more. */
  let done = false;
  let resolve!: (result: R) => void;
  let reject!: (error: unknown) => void;
  let setLink!: (path: string | undefined) => void;
  const result = new Promise<R>((...settle) => ([resolve, reject] = settle));
  /** Where the task can be cancelled: known from the first answer on. */
  const link = new Promise<string | undefined>((settle) => (setLink = settle));
  result.catch(() => undefined); // who does not look at it need not: it must not end a process

  /** Writes down where a page that lost its memory goes on: after what callbacks and loops have handled. */
  const remember = (): void => {
    const handled = loops.handled();
    const id = resumeKey ? formatEventId(resumeKey, keepsPosition ? handled : 0) : idempotencyKey;
    keep(done && handled === position ? '' : `${id} ${location}`);
  };
  const loops = createEventLoops<TaskEvent<P, R>>(position, remember);

  const prepare = async (): Promise<[string, RequestInit]> => {
    const starts = !resumeKey && !location;
    const headers = new Headers(await fresh(givenHeaders));
    let target = location || String(await fresh(url));
    headers.set('Accept', 'text/event-stream');
    if (starts) headers.set('Idempotency-Key', idempotencyKey);
    // In a header and not in the URL: keys have no business in logs, and a CORS preflight is kept per URL.
    if (resumeKey) headers.set('Last-Event-ID', formatEventId(resumeKey, position));
    if (resumeFrom === 'snapshot' && !position) {
      target += `${target.includes('?') ? '&' : '?'}replay=snapshot`;
    }
    remember();
    // The cast: an undefined member counts as absent, which the types do not know.
    const init = { headers, credentials, method: location ? 'GET' : method, body: starts ? body : undefined };
    return [target, init as RequestInit];
  };

  const answered = ({ headers, status, url: base }: Response): boolean => {
    resumeKey ??= headers.get('X-Resume-Key') ?? undefined;
    const path = /<([^>]*)>; rel="status"/.exec(headers.get('Link') ?? '')?.[1];
    setLink(path && new URL(path, base).href);
    const attachAt = status === 202 && !location && headers.get('Location');
    if (attachAt) location = new URL(attachAt, base).href;
    return !!attachAt;
  };

  const receive = ({ event, data, id = '' }: EventSourceMessage): void => {
    const eventId = parseEventId(id);
    if (!eventId) return; // of something between us and the task
    const { seq } = eventId;
    ({ resumeKey } = eventId);
    if (event === 'task') {
      taskId = (JSON.parse(data) as { task_id: string }).task_id;
      return;
    }
    // A gap may lead back, and a snapshot stands for what was seen; everything else comes once.
    if (event !== 'gap' && event !== 'snapshot' && seq <= position) return;
    const taskEvent = toTaskEvent<P, R>(event, data, seq);
    loops.push(taskEvent, seq);
    position = seq;
    if (taskEvent.kind === 'progress') void callSafely(onProgress, taskEvent.data, seq);
    if (taskEvent.kind === 'gap') void callSafely(onGap, taskEvent);
    void callSafely(onEvent, taskEvent);
    remember();
    if (taskEvent.kind === 'complete') resolve(taskEvent.result);
    else if (taskEvent.kind === 'failed') reject(new StreamError(taskEvent.error.code, taskEvent.error.message));
    else if (taskEvent.kind === 'cancelled') {
      reject(new StreamError((JSON.parse(data) as { code: string }).code, taskEvent.reason));
    } else return;
    done = true;
    connection.end();
  };

  const ended = (error: Error | undefined): void => {
    const status = error instanceof StreamError && error.status;
    // 401, 403 and 429 say nothing about the task: it may well be there for the same page a little later.
    if (status && ![401, 403, 429].includes(status)) done = true;
    reject(error ?? new StreamError('CLOSED'));
    setLink(undefined);
    loops.end(error);
    remember();
  };

  const connection = openConnection({ prepare, answered, receive, ended }, options);

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
      if (done) return;
      if (!target) throw new StreamError('NO_LINK');
      const init = { credentials, headers: await fresh(givenHeaders), method: 'DELETE' };
      const response = await fetch(target, init as RequestInit);
      // 409: it ended in the meantime.
      if (!response.ok && response.status !== 409) throw await toStreamError(response);
    },
    [Symbol.asyncIterator]: loops.iterate,
  };
}

const fresh = <T>(value: Fresh<T>): T | Promise<T> =>
  typeof value === 'function' ? (value as () => T | Promise<T>)() : value;

/** 128 random bits. `crypto.randomUUID` would need a page from https or localhost. */
const randomKey = (): string => crypto.getRandomValues(new Uint32Array(4)).join('-');
