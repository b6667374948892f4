import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { SCHEMA } from '../../../lib/distributed/port/stored.js';

const ROOT = join(__dirname, '..', '..', '..');

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

/**
 * Makes of a compiled `lib/` the version after it, which writes tasks and entries of the next schema.
 * @param libUrl what `compileLib` gave
 */
export function asNextVersion(libUrl: string): string {
  const next = `${fileURLToPath(libUrl)}-next`;
  cpSync(fileURLToPath(libUrl), next, { recursive: true });
  const file = join(next, 'distributed', 'port', 'stored.js');
  const written = readFileSync(file, 'utf8').replace(/const SCHEMA = \d+/, `const SCHEMA = ${SCHEMA + 1}`);
  writeFileSync(file, written);
  return pathToFileURL(next).href;
}
