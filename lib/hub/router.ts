import express, { type Request, type RequestHandler, type Response, type Router } from 'express';
import { TaskError } from '../core/errors.js';
import { assertOption } from '../core/options.js';
import { allowOrigin, answerOptions, assertAcceptsStream, assertMayStart, assertServable } from '../http/guards.js';
import { sendProblem } from '../http/problem.js';
import type { HubEngine } from './hub-engine.js';
import type { HubMessage } from './message.js';

export interface HubRouterOptions {
  /** Runs on connect, disconnect and send; refuses who may not. */
  auth: RequestHandler;
  /** Runs on broadcast and stats, and where the client is somebody else's. */
  admin: RequestHandler;
  /** Whose request it is, after `auth`. Default: nobody's, so that every client is somebody else's. */
  userId?: (req: Request) => string | undefined;
}

/** Room in a body for what stands around the data. */
const ENVELOPE_BYTES = 4_096;

/** What body-parser calls its errors, and what we call them. */
const BODY_ERRORS: Readonly<Record<string, 'INVALID_JSON' | 'PAYLOAD_TOO_LARGE' | 'UNSUPPORTED_MEDIA_TYPE'>> = {
  'entity.parse.failed': 'INVALID_JSON',
  'entity.too.large': 'PAYLOAD_TOO_LARGE',
  'encoding.unsupported': 'UNSUPPORTED_MEDIA_TYPE',
  'charset.unsupported': 'UNSUPPORTED_MEDIA_TYPE',
};

type Answer = (req: Request, res: Response) => void | Promise<void>;

/** The routes of a hub, relative to where they are mounted. */
export function createHubRouter(engine: HubEngine, { auth, admin, userId }: HubRouterOptions): Router {
  const { allowedOrigins, maxEventBytes } = engine.options;
  for (const [name, value] of Object.entries({ auth, admin })) {
    assertOption(typeof value === 'function', name, 'a middleware', value);
  }
  assertOption(userId === undefined || typeof userId === 'function', 'userId', 'a function', userId);
  const router = express.Router();
  const parseBody = express.json({ limit: maxEventBytes + ENVELOPE_BYTES });

  const serve = (path: string, method: 'GET' | 'POST', ...steps: Answer[]): void => {
    const allow = `${method}, OPTIONS`;
    const answer: Answer = async (req, res) => {
      allowOrigin(req, res, allowedOrigins);
      if (req.method === 'OPTIONS') {
        answerOptions(res, allow);
        return;
      }
      assertServable(req, [method]);
      if (method === 'POST') assertMayStart(req, allowedOrigins);
      for (const step of steps) await step(req, res);
    };
    router.all(path, (req, res, next) => {
      Promise.resolve(answer(req, res)).catch((error: unknown) => {
        if (!sendProblem(res, error)) next(error);
      });
    });
  };

  const authenticate: Answer = (req, res) => run(auth, req, res);
  const administrate: Answer = (req, res) => run(admin, req, res);

  /** The caller's own client, or anybody's for an admin. @throws TaskError `CLIENT_NOT_FOUND` */
  const ownOrAdmin: Answer = async (req, res) => {
    const owner = engine.clients.get(clientIdOf(req)).userId;
    if (owner === undefined || owner !== userId?.(req)) await administrate(req, res);
  };

  const connect: Answer = (req, res) => {
    assertAcceptsStream(req);
    engine.connect(req, res, { userId: userId?.(req) });
  };

  const readBody: Answer = async (req, res) => {
    if (!req.is('application/json')) throw new TaskError('UNSUPPORTED_MEDIA_TYPE', 'The body is application/json');
    try {
      await run(parseBody, req, res);
    } catch (cause) {
      const code = BODY_ERRORS[String((cause as { type?: unknown } | null)?.type)];
      throw code === undefined ? cause : new TaskError(code, BODY_MESSAGES[code], { cause });
    }
  };

  serve('/connect', 'GET', authenticate, connect);
  serve('/disconnect/:clientId', 'POST', authenticate, ownOrAdmin, (req, res) => {
    engine.disconnect(clientIdOf(req));
    sendJson(res, { message: 'disconnected' });
  });
  serve('/broadcast', 'POST', administrate, readBody, (req, res) => {
    engine.publish({ kind: 'all', name: '' }, messageOf(req));
    sendJson(res, { message: 'broadcast sent' });
  });
  serve('/send/:clientId', 'POST', authenticate, ownOrAdmin, readBody, (req, res) => {
    engine.send(clientIdOf(req), messageOf(req));
    sendJson(res, { message: 'message sent' });
  });
  serve('/stats', 'GET', administrate, (_req, res) => {
    const { activeConnections, totalConnections, totalMessages, totalBytes } = engine.statistics;
    const statistics = {
      active_connections: activeConnections,
      total_connections: totalConnections,
      total_messages: totalMessages,
      total_bytes: totalBytes,
    };
    sendJson(res, { statistics });
  });
  return router;
}

const BODY_MESSAGES = {
  INVALID_JSON: 'The body is not a JSON object',
  PAYLOAD_TOO_LARGE: 'The body is too large',
  UNSUPPORTED_MEDIA_TYPE: 'The body has an encoding or charset that is not supported',
} as const;

/** Resolves when the middleware lets the request pass; one that answers it by itself ends it here. */
function run(middleware: RequestHandler, req: Request, res: Response): Promise<void> {
  return new Promise<void>((resolve, reject) => {
    const next = (error?: unknown): void => {
      if (isError(error)) reject(error);
      else resolve();
    };
    // Express 4 does not look at what a middleware returns, so neither kind of rejection may get lost.
    Promise.resolve(middleware(req, res, next)).catch(reject);
  });
}

const isError = (error: unknown): boolean => error !== undefined && error !== null;

const clientIdOf = (req: Request): string => String(req.params.clientId);

/** The three members that count; whatever else a body holds is not looked at. @throws TaskError `INVALID_INPUT` */
function messageOf({ body }: Request): HubMessage {
  const given: unknown = body;
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new TaskError('INVALID_INPUT', 'The body is a JSON object');
  }
  const read = (name: string): unknown =>
    Object.hasOwn(given, name) ? (given as Record<string, unknown>)[name] : undefined;
  const data = read('data');
  if (data === undefined) throw new TaskError('INVALID_INPUT', 'The body has no data');
  return { event: read('event') as string | undefined, data, id: read('id') as string | undefined };
}

function sendJson(res: Response, body: object): void {
  res.set('Cache-Control', 'no-store').type('json');
  res.end(JSON.stringify(body));
}
