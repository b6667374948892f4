import { buildSync, type BuildOptions } from 'esbuild';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const ROOT = join(__dirname, '../../..');

export interface ExampleServer {
  readonly url: string;
  /** The lines that it has printed. */
  readonly printed: readonly string[];
  readonly stop: () => Promise<void>;
}

/**
 * Starts a script of `examples/<name>`, or of `files` beside it, as users do, in a package of its own with the library built from the sources as they
 * are: tests must not depend on what was built last.
 */
export async function startExample(
  name: string,
  env: NodeJS.ProcessEnv = {},
  script = 'server.js',
  files: Readonly<Record<string, string>> = {},
): Promise<ExampleServer> {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'resumable-sse-example-')));
  for (const part of ['package.json', 'README.md', 'examples'])
    cpSync(join(ROOT, part), join(root, part), { recursive: true });
  for (const [path, text] of Object.entries(files)) writeFileSync(join(root, 'examples', name, path), text);
  symlinkSync(join(ROOT, 'node_modules'), join(root, 'node_modules'));
  const build = (options: BuildOptions): void => {
    buildSync({ absWorkingDir: ROOT, bundle: true, format: 'esm', target: 'es2022', tsconfigRaw: {}, ...options });
  };
  const entryPoints = ['lib/index.ts', 'lib/redis/index.ts', 'lib/sqlite/index.ts'];
  const outdir = join(root, 'dist/esm');
  build({ entryPoints, outbase: 'lib', outdir, splitting: true, platform: 'node', packages: 'external' });
  build({ entryPoints: ['lib/client/index.ts'], outfile: join(root, 'dist/client.min.js'), minify: true });

  const child = spawn(process.execPath, [join(root, 'examples', name, script)], {
    env: { ...process.env, PORT: '0', HOST: '127.0.0.1', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM'); // those that have processes of their own end them
    await exited;
    rmSync(root, { recursive: true, force: true });
  };
  const printed: string[] = [];
  const up = new Promise<string>((resolve) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      printed.push(line);
      const [url] = /http:\/\/[\d.]+:\d+/.exec(line) ?? [];
      if (url !== undefined) resolve(url);
    });
  });
  const url = await Promise.race([up, exited.then(() => undefined)]);
  if (url === undefined) throw new Error(`the server of examples/${name} ended before it was up`);
  return { url, printed, stop };
}
