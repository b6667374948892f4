/** Names of the headers that tell a client what it is attached to; CORS exposes them. */
export const TASK_ID_HEADER = 'X-Task-ID';
export const RESUME_KEY_HEADER = 'X-Resume-Key';

/** Where a client finds the events of a task by GET, relative to where the router is mounted. */
export const eventsPath = (publicPath: string, taskId: string): string => `${taskPath(publicPath, taskId)}/events`;

/**
 * Headers that say where a client finds the task itself, to ask for its status or to cancel it (a link of RFC 8288 with
 * the relation `status` of RFC 8631), and where it attaches to the task by GET (`Content-Location`). Empty where nobody
 * said where the router is mounted.
 */
export function placeHeaders(publicPath: string | undefined, taskId: string): Record<string, string> {
  if (publicPath === undefined) return {};
  return {
    Link: `<${taskPath(publicPath, taskId)}>; rel="status"`,
    // No key in it, so that it can be asked for without one in a URL: the client sends its position in Last-Event-ID.
    'Content-Location': eventsPath(publicPath, taskId),
  };
}

const taskPath = (publicPath: string, taskId: string): string => `${publicPath.replace(/\/$/, '')}/${taskId}`;

/** Names a client of the hub, in answers as in requests. */
export const CLIENT_ID_HEADER = 'X-Client-ID';

export const STREAM_HEADERS = Object.freeze({
  // No charset: the format is UTF-8 by definition.
  'Content-Type': 'text/event-stream',
  // no-store: what is sent depends on a key and a position that are not always part of the URL.
  // no-transform: a proxy or a compression middleware must not hold frames back.
  'Cache-Control': 'no-store, no-cache, no-transform',
  'X-Accel-Buffering': 'no',
  'X-Content-Type-Options': 'nosniff',
  // The page's URL may carry a resume key in its query.
  'Referrer-Policy': 'no-referrer',
});

/** The headers of a stream. `Connection` is left to Node, which knows the protocol and what the client has asked for. */
export const streamHeaders = (taskId: string, resumeKey: string): Record<string, string> => ({
  ...STREAM_HEADERS,
  [TASK_ID_HEADER]: taskId,
  [RESUME_KEY_HEADER]: resumeKey,
});
