import type { Express, Response } from 'express';
import { ProcessGuard } from '../support/processes/process-guard.js';
import { useTaskServers } from '../support/servers/task-server.js';

const start = useTaskServers();

type Name = 'write' | 'writeHead' | 'end';

/** Makes the first call of a function of the response end the response with a text of a middleware's own. */
function endWithin(res: Response, name: Name): void {
  const act = res[name].bind(res) as (...given: unknown[]) => unknown;
  res[name] = ((...given: unknown[]) => {
    res[name] = act as never;
    const acted = act(...given);
    res.end('the end');
    return acted;
  }) as never;
}

const PATHS = ['/report', '/report?wait=0', '/report?resume_key=no', '/tasks/no'];

describe('A response that a middleware ends within one of its functions', () => {
  it.each<[Name, string[]]>([
    ['write', PATHS],
    ['end', PATHS.slice(1)], // the stream itself does not end
    ['writeHead', ['/report', '/report?wait=0']], // within `end`, Node itself cannot bear that
  ])('ends no process: %s', async (name, paths) => {
    const warn = jest.spyOn(process, 'emitWarning').mockReturnValue();
    const guard = new ProcessGuard();
    const use = (app: Express): unknown =>
      app.use((_req, res, next) => {
        endWithin(res, name);
        next();
      });
    for (const path of paths) {
      const server = await start({ use });
      await server.open(path).then(
        (answer) => answer.text().catch(() => ''),
        () => '', // it was cut
      );
      await new Promise(setImmediate);
    }
    expect(guard.take()).toEqual([]);
    guard.close();
    warn.mockRestore();
  });
});
