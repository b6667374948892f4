// The least that a load balancer does: each request goes to the next instance, and to another where one is not there.
import { createServer, request } from 'node:http';

/** What instances do not share, all of them must hear of: the demo's line that one can cut. */
const FOR_ALL = /\/cut$/;

/**
 * @param {() => readonly { name: string, port: number }[]} instances those that are up
 * @returns {import('node:http').Server}
 */
export function createProxy(instances) {
  let turn = 0;
  const nextOnes = () => {
    const up = instances();
    const first = turn++ % Math.max(1, up.length);
    return [...up.slice(first), ...up.slice(0, first)];
  };

  return createServer((req, res) => {
    if (req.method === 'POST' && FOR_ALL.test(req.url ?? '')) void tellAll(req, res, instances());
    else forward(req, res, nextOnes());
  });
}

function forward(req, res, candidates) {
  const [instance, ...others] = candidates;
  if (instance === undefined) {
    res.writeHead(503, { 'Retry-After': '1' }).end();
    return;
  }
  const { method, url, headers } = req;
  const upstream = request({ host: '127.0.0.1', port: instance.port, method, path: url, headers, agent: false });
  upstream.on('response', (answer) => {
    res.writeHead(answer.statusCode ?? 502, { ...answer.headers, 'X-Instance': instance.name });
    res.flushHeaders();
    answer.pipe(res);
    answer.on('close', () => answer.complete || res.destroy()); // cut off there is cut off here
  });
  upstream.on('error', (error) => {
    const neverThere = /** @type {NodeJS.ErrnoException} */ (error).code === 'ECONNREFUSED';
    if (neverThere)
      forward(req, res, others); // nothing of the request has been sent
    else res.destroy();
  });
  upstream.on('socket', (socket) => socket.once('connect', () => req.pipe(upstream)));
  res.on('close', () => upstream.destroy());
}

/** @param {import('node:http').IncomingMessage} req */
async function tellAll({ method = 'POST', url, headers }, res, instances) {
  const answers = await Promise.all(
    instances.map(async ({ port }) => {
      const answer = await fetch(`http://127.0.0.1:${port}${url}`, {
        method,
        headers: { Accept: headers.accept ?? '*/*' },
      });
      return answer.ok ? answer.json() : { cut: 0 };
    }),
  );
  const cut = answers.reduce((sum, answer) => sum + answer.cut, 0);
  res.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify({ cut }));
}
