/** The headers that tell a client which task it is attached to. CORS exposes them. */
export const TASK_ID_HEADER = 'X-Task-ID';
export const RESUME_KEY_HEADER = 'X-Resume-Key';

/** Returns the path at which a client attaches to a task by GET, below the place where the router is mounted. */
export const eventsPath = (publicPath: string, taskId: string): string => `${taskPath(publicPath, taskId)}/events`;

/**
 * Returns the headers that say where a client finds the task itself, to ask for its status or to cancel it (a link of
 * RFC 8288 with the relation `status` of RFC 8631), and where it attaches to the task by GET (`Content-Location`).
 * Empty where `publicPath` is undefined.
 */
export function placeHeaders(publicPath: string | undefined, taskId: string): Record<string, string> {
  if (publicPath === undefined) return {};
  return {
    Link: `<${taskPath(publicPath, taskId)}>; rel="status"`,
    // It holds no key, so a client can attach without a key in a URL: it sends its position in Last-Event-ID.
    'Content-Location': eventsPath(publicPath, taskId),
  };
}

const taskPath = (publicPath: string, taskId: string): string => `${publicPath.replace(/\/$/, '')}/${taskId}`;

/** Names a client of the hub, in requests and in answers. */
export const CLIENT_ID_HEADER = 'X-Client-ID';

export const STREAM_HEADERS = Object.freeze({
  // It has no charset, because the format is UTF-8 by definition.
  'Content-Type': 'text/event-stream',
  // no-store, because the answer depends on a key and a position that are not always part of the URL; no-transform,
  // because a proxy or a compression middleware must not hold frames back.
  'Cache-Control': 'no-store, no-cache, no-transform',
  'X-Accel-Buffering': 'no',
  'X-Content-Type-Options': 'nosniff',
  // The page's URL may carry a resume key in its query.
  'Referrer-Policy': 'no-referrer',
});

/** Returns the headers of a stream. `Connection` is left to Node, which knows the protocol and the client's wish. */
export const streamHeaders = (taskId: string, resumeKey: string): Record<string, string> => ({
  ...STREAM_HEADERS,
  [TASK_ID_HEADER]: taskId,
  [RESUME_KEY_HEADER]: resumeKey,
});
