import { isDenied, readRefusal } from '../../lib/client/connection/answers.js';
import { statusOf, type HttpErrorCode } from '../../lib/core/error-status.js';

/** What the client makes of each code of the server's status table. A code that is new there does not compile here. */
const MEANING: Readonly<Record<HttpErrorCode, 'final' | 'denied' | 'passes' | 'not of a stream'>> = {
  TASK_NOT_FOUND: 'final',
  TASK_EXPIRED: 'final',
  INVALID_RESUME_KEY: 'final',
  INVALID_CURSOR: 'final',
  INVALID_INPUT: 'final',
  KEY_REUSED: 'final',
  SLOT_BUSY: 'final',
  METHOD_NOT_ALLOWED: 'final',
  ORIGIN_NOT_ALLOWED: 'denied',
  PREFETCH_REFUSED: 'denied',
  AT_CAPACITY: 'passes',
  TOO_MANY_TASKS: 'passes',
  TOO_MANY_SUBSCRIBERS: 'passes',
  TOO_MANY_CLIENTS: 'passes',
  PIPELINING: 'passes',
  STORE_UNAVAILABLE: 'passes',
  SHUTDOWN: 'passes',
  UNKNOWN_WIRE: 'passes', // another instance may know it
  NOT_ACCEPTABLE: 'passes', // the client accepts event streams: something in between took the header away
  // Of status, cancel, result, of what is sent to a hub, of workers.
  TASK_NOT_RUNNING: 'not of a stream',
  TASK_RUNNING: 'not of a stream',
  INVALID_EVENT_NAME: 'not of a stream',
  RESERVED_EVENT_NAME: 'not of a stream',
  INVALID_EVENT_ID: 'not of a stream',
  INVALID_JSON: 'not of a stream',
  UNSERIALIZABLE: 'not of a stream',
  EVENT_TOO_LARGE: 'not of a stream',
  PAYLOAD_TOO_LARGE: 'not of a stream',
  UNSUPPORTED_MEDIA_TYPE: 'not of a stream',
  CLIENT_NOT_FOUND: 'not of a stream',
  INVALID_CLIENT_ID: 'not of a stream',
  CLIENT_OFFLINE: 'not of a stream',
  NO_WORKER: 'not of a stream',
  WORKER_LOST: 'not of a stream',
  WORKER_TIMEOUT: 'not of a stream',
  WORKER_PROTOCOL_ERROR: 'not of a stream',
};

const refusal = (code: string, contentType = 'application/problem+json'): ReturnType<typeof readRefusal> => {
  const body = JSON.stringify({ type: 'about:blank', status: statusOf(code), code, detail: 'no' });
  return readRefusal(new Response(body, { status: statusOf(code)!, headers: { 'Content-Type': contentType } }));
};

it.each(Object.entries(MEANING))('a refusal with the server’s code %s is %s to the client', async (code, meaning) => {
  const { error, isFinal } = await refusal(code);
  expect(error).toMatchObject({ code, message: 'no', status: statusOf(code) });
  expect([isFinal, isDenied(error)]).toEqual([meaning === 'final', meaning === 'denied']);
});

it.each(['TASK_NOT_FOUND', 'KEY_REUSED'])(
  'the code %s in an answer that is no problem+json may be a proxy’s',
  async (code) => {
    expect((await refusal(code, 'application/json')).isFinal).toBe(false);
  },
);
