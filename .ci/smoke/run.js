// Packs the package as `npm publish` would, installs it into fresh projects and uses it there.
import { execFileSync } from 'node:child_process';
import { copyFileSync, cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
const fixtures = fileURLToPath(new URL('.', import.meta.url));
const projects = ['express5-esm', 'express4-cjs'];
const needed = ['README.md', 'LICENSE', 'dist/cjs/package.json'];

function npm(cwd, ...args) {
  console.log(`\n── npm ${args.join(' ')}`);
  execFileSync('npm', args, { cwd, stdio: ['ignore', 'inherit', 'inherit'], timeout: 300_000 });
}

function pack(temporary) {
  npm(root, 'pack', '--silent', '--pack-destination', temporary);
  const tarball = readdirSync(temporary).find((file) => file.endsWith('.tgz'));
  return join(temporary, tarball);
}

function install(temporary, tarball, name) {
  const project = join(temporary, name);
  cpSync(join(fixtures, name), project, { recursive: true });
  cpSync(join(fixtures, 'shared'), project, { recursive: true });
  for (const extension of ['mts', 'cts'])
    copyFileSync(join(project, 'consumer.ts'), join(project, `consumer.${extension}`));
  npm(project, 'install', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel', 'error', tarball);
  return project;
}

function checkContents(installed) {
  const files = readdirSync(installed, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = files.map(({ parentPath, name }) => join(parentPath, name));
  for (const file of needed) {
    if (!paths.includes(join(installed, file))) throw new Error(`the package lacks ${file}`);
  }
  const leaking = paths.filter((path) => readFileSync(path, 'utf8').includes(root));
  if (leaking.length > 0) throw new Error(`the path of the build machine is in ${leaking.join(', ')}`);
}

const temporary = mkdtempSync(join(tmpdir(), 'resumable-sse-smoke-'));
try {
  const tarball = pack(temporary);
  for (const name of projects) {
    const project = install(temporary, tarball, name);
    checkContents(join(project, 'node_modules', 'resumable-sse'));
    npm(project, 'test');
  }
  console.log('\nsmoke test: ok');
} catch (error) {
  console.error(`\nsmoke test: ${error.message}`);
  process.exitCode = 1;
} finally {
  rmSync(temporary, { recursive: true, force: true });
}
