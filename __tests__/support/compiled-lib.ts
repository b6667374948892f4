import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const ROOT = join(__dirname, '..', '..');

/** Compiles `lib/` for processes of their own, which Jest does not transform. Returns the URL of where it is. */
export function compileLib(name: string): string {
  const out = join(ROOT, 'node_modules', '.cache', `resumable-sse-${name}`);
  mkdirSync(out, { recursive: true });
  writeFileSync(join(out, 'package.json'), '{ "type": "module" }\n');
  const tsc = createRequire(__filename).resolve('typescript/bin/tsc');
  const where = ['--outDir', out, '--incremental', '--tsBuildInfoFile', join(out, 'lib.tsbuildinfo')];
  const plain = ['--declaration', 'false'];
  const args = [tsc, '--project', join(ROOT, 'tsconfig.build.esm.json'), ...where, ...plain];
  const { status, stdout } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(stdout);
  return pathToFileURL(out).href;
}
