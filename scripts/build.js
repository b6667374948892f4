// Builds both halves of the package: dist/esm and dist/cjs, each with its own declarations.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');

async function compile(project) {
  const child = spawn(process.execPath, [tsc, '--project', project], { cwd: root, stdio: 'inherit' });
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`tsc --project ${project} failed`);
}

rmSync(`${root}/dist`, { recursive: true, force: true });
try {
  await Promise.all(['tsconfig.build.esm.json', 'tsconfig.build.cjs.json'].map(compile));
  // Without it Node would take dist/cjs/*.js for ES modules, because the package is "type": "module".
  mkdirSync(`${root}/dist/cjs`, { recursive: true });
  writeFileSync(`${root}/dist/cjs/package.json`, '{ "type": "commonjs" }\n');
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
