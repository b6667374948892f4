/** Names of the headers that tell a client what it is attached to; CORS exposes them. */
export const TASK_ID_HEADER = 'X-Task-ID';
export const RESUME_KEY_HEADER = 'X-Resume-Key';

/**
 * Where a client finds the task itself, to ask for its status or to cancel it: a link (RFC 8288) of relation `status`
 * (RFC 8631). None where nobody said where the router is mounted.
 */
export function taskLink(tasksPath: string | undefined, taskId: string): Record<string, string> {
  return tasksPath === undefined ? {} : { Link: `<${tasksPath.replace(/\/$/, '')}/${taskId}>; rel="status"` };
}

/** The same for a client of the hub; also how it says who it was. */
export const CLIENT_ID_HEADER = 'X-Client-ID';

export const STREAM_HEADERS = Object.freeze({
  // No charset: the format is UTF-8 by definition.
  'Content-Type': 'text/event-stream',
  // no-transform: a proxy or a compression middleware must not hold frames back.
  'Cache-Control': 'no-cache, no-transform',
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
