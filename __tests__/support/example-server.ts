import { buildSync, type BuildOptions } from 'esbuild';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const ROOT = join(__dirname, '../..');

export interface ExampleServer {
  readonly url: string;
  readonly stop: () => Promise<void>;
}

/**
 * Starts `examples/<name>/server.js` as users do, in a package of its own with the library built from the sources as they
 * are: tests must not depend on what was built last.
 */
export async function startExample(name: string): Promise<ExampleServer> {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'resumable-sse-example-')));
  cpSync(join(ROOT, 'package.json'), join(root, 'package.json'));
  cpSync(join(ROOT, 'examples', name), join(root, 'examples', name), { recursive: true });
  symlinkSync(join(ROOT, 'node_modules'), join(root, 'node_modules'));
  const build = (options: BuildOptions): void => {
    buildSync({ absWorkingDir: ROOT, bundle: true, format: 'esm', target: 'es2022', tsconfigRaw: {}, ...options });
  };
  const entryPoints = ['lib/index.ts', 'lib/redis/index.ts'];
  const outdir = join(root, 'dist/esm');
  build({ entryPoints, outbase: 'lib', outdir, splitting: true, platform: 'node', packages: 'external' });
  build({ entryPoints: ['lib/client/index.ts'], outfile: join(root, 'dist/client.min.js'), minify: true });

  const child = spawn(process.execPath, [join(root, 'examples', name, 'server.js')], {
    env: { ...process.env, PORT: '0', HOST: '127.0.0.1' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  for await (const line of createInterface({ input: child.stdout })) {
    const [url] = /http:\/\/[\d.]+:\d+/.exec(line) ?? [];
    if (url === undefined) continue;
    child.stdout.resume();
    const stop = async (): Promise<void> => {
      child.kill('SIGKILL');
      await exited;
      rmSync(root, { recursive: true, force: true });
    };
    return { url, stop };
  }
  throw new Error(`the server of examples/${name} ended before it was up`);
}
