/** Names of the headers that tell a client what it is attached to; CORS exposes them. */
export const TASK_ID_HEADER = 'X-Task-ID';
export const RESUME_KEY_HEADER = 'X-Resume-Key';

const STREAM_HEADERS = Object.freeze({
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
