/** Makes `hub.router`, which serves connect, disconnect, send, broadcast and statistics over HTTP. */
import type { Request, RequestHandler } from 'express';
import { askSyncCallback, readIdentity } from '../core/callbacks.js';
import { TaskError } from '../core/errors.js';
import { A_FUNCTION, checkOptions, required, type OptionRules } from '../core/check-options.js';
import { assertAcceptsStream, assertMayStart } from '../http/guards.js';
import { sendJson } from '../http/json-answer.js';
import { readJsonBody } from '../http/json-body.js';
import type { AnyRequest } from '../http/read-request.js';
import { serveRoutes, type Answer, type Middleware, type Route } from '../http/routes.js';
import type { HubEngine } from '../hub/hub-engine.js';
import type { HubMessage } from '../hub/hub-message.js';
import type { StreamResponse } from '../sse/connection.js';

/** Options of `hub.router`. */
export interface HubRouterOptions {
  /** Runs on connect, disconnect and send, and refuses everybody who may not do that. */
  auth: RequestHandler;
  /** Runs on broadcast and stats, and on requests that act on another user's client. */
  admin: RequestHandler;
  /**
   * Identifies the user of a request, after `auth`: 1 to 256 characters, at once and not as a promise. Take what `auth`
   * has verified, never a header as it came. Default: nobody, so that every client counts as another user's.
   */
  userId?: (req: Request) => string | undefined;
}

const ROUTER_RULES: OptionRules<HubRouterOptions> = {
  auth: required(A_FUNCTION),
  admin: required(A_FUNCTION),
  userId: A_FUNCTION,
};

/** The room in a body for everything around the data. */
const ENVELOPE_BYTES = 4_096;

/**
 * Serves the hub relative to where it is mounted.
 * @throws TaskError `INVALID_OPTION` naming the option, the rule and the value
 */
export function createHubRouter(engine: HubEngine, options: HubRouterOptions): Middleware {
  const { auth, admin, userId } = checkOptions('hub.router', options, ROUTER_RULES);
  const maxBodyBytes = engine.options.maxEventBytes + ENVELOPE_BYTES;

  const userOf = (req: AnyRequest): string | undefined =>
    userId && readIdentity('userId', askSyncCallback('userId', userId, req as Request));

  /** Tells whether the client is the caller's own; for any other, `admin` decides. @throws TaskError `CLIENT_NOT_FOUND` */
  const isOwn = (req: AnyRequest, clientId: string): boolean => {
    const owner = engine.clients.get(clientId).userId;
    return owner !== undefined && owner === userOf(req);
  };

  const connect: Answer = async (req, res) => {
    await runMiddleware(auth, req, res);
    assertAcceptsStream(req);
    engine.connect(req, res, { userId: userOf(req) });
  };

  const post = (path: string, guard: RequestHandler, answer: Answer): Route => ({
    path,
    answers: {
      POST: async (req, res, params) => {
        assertMayStart(req, engine.startRules);
        await runMiddleware(guard, req, res);
        await answer(req, res, params);
      },
    },
  });

  const readMessage = async (req: AnyRequest): Promise<HubMessage> => messageOf(await readJsonBody(req, maxBodyBytes));

  const routes: readonly Route[] = [
    { path: '/connect', answers: { GET: connect } },
    post('/disconnect/:clientId', auth, async (req, res, { clientId = '' }) => {
      if (!isOwn(req, clientId)) await runMiddleware(admin, req, res);
      engine.disconnect(clientId);
      sendJson(res, { message: 'disconnected' });
    }),
    post('/broadcast', admin, async (req, res) => {
      engine.publish({ kind: 'all', name: '' }, await readMessage(req));
      sendJson(res, { message: 'broadcast sent' });
    }),
    post('/send/:clientId', auth, async (req, res, { clientId = '' }) => {
      const wasOwn = isOwn(req, clientId);
      if (!wasOwn) await runMiddleware(admin, req, res);
      const message = await readMessage(req);
      // A caller's own client may be another user's by the time that the body has arrived.
      if (wasOwn && !isOwn(req, clientId)) await runMiddleware(admin, req, res);
      engine.send(clientId, message);
      sendJson(res, { message: 'message sent' });
    }),
    {
      path: '/stats',
      answers: {
        GET: async (req, res) => {
          await runMiddleware(admin, req, res);
          sendJson(res, { statistics: statisticsOf(engine) });
        },
      },
    },
  ];
  return serveRoutes(routes, engine.startRules.isAllowed);
}

function statisticsOf({ statistics }: HubEngine): object {
  const { activeConnections, totalConnections, totalMessages, totalBytes } = statistics;
  return {
    active_connections: activeConnections,
    total_connections: totalConnections,
    total_messages: totalMessages,
    total_bytes: totalBytes,
  };
}

/** Runs a middleware. Resolves when it lets the request pass, and never where it answers the request itself. */
function runMiddleware(middleware: RequestHandler, req: AnyRequest, res: StreamResponse): Promise<void> {
  return new Promise<void>((resolve, reject) => {
    const next = (error?: unknown): void => {
      if (isNothing(error)) resolve();
      else reject(error); // unchanged, because an error handler of the application may look at anything
    };
    // Express 4 ignores the promise of a middleware, so neither kind of rejection may get lost.
    Promise.resolve(middleware(req as Request, res as never, next)).catch(reject);
  });
}

const isNothing = (error: unknown): boolean => error === undefined || error === null;

/** Returns the three members of a message. Other members of the body are ignored. @throws TaskError `INVALID_INPUT` */
function messageOf(body: unknown): HubMessage {
  if (typeof body !== 'object' || body === null)
    throw new TaskError('INVALID_JSON', 'Expected the body to be a JSON object');
  if (Array.isArray(body)) throw new TaskError('INVALID_INPUT', 'Expected the body to be a JSON object, got an array');
  const read = (name: string): unknown =>
    Object.hasOwn(body, name) ? (body as Record<string, unknown>)[name] : undefined;
  const data = read('data');
  if (data === undefined) throw new TaskError('INVALID_INPUT', 'Expected the body to have a field data');
  return { event: read('event') as string | undefined, data, id: read('id') as string | undefined };
}
