// Runs other people's packages, unmodified, against the built library: `npm run test:integration -- [names]`. Every folder
// of __tests__/integration is a project with a lock file of its own, so that `npm ci` at the root stays small.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('../__tests__/integration/', import.meta.url));
const all = readdirSync(folder).filter((name) => existsSync(join(folder, name, 'package.json')));
const names = process.argv.length > 2 ? process.argv.slice(2) : all;

const unknown = names.filter((name) => !all.includes(name));
if (unknown.length > 0) throw new Error(`no such folder: ${unknown.join(', ')}. There are ${all.join(', ')}`);

/** What npm installed last is what the lock file says. */
function isInstalled(cwd) {
  const installed = join(cwd, 'node_modules', '.package-lock.json');
  return existsSync(installed) && statSync(installed).mtimeMs >= statSync(join(cwd, 'package-lock.json')).mtimeMs;
}

function run(cwd, command, args) {
  const { status } = spawnSync(command, args, { cwd, stdio: 'inherit' });
  return status === 0;
}

const failed = [];
for (const name of names) {
  console.log(`\n── ${name}`);
  const cwd = join(folder, name);
  const ready = isInstalled(cwd) || run(cwd, 'npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error']);
  if (!ready || !run(cwd, 'npm', ['test', '--silent'])) failed.push(name);
}
console.log(
  `\nintegration: ${names.length - failed.length} of ${names.length} passed${failed.map((name) => `, ${name} FAILED`).join('')}`,
);
process.exitCode = failed.length === 0 ? 0 : 1;
