// Builds the library before the demo starts, and says so: half a minute of silence looks like a program that hangs.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const STEPS = ['scripts/build.js', 'scripts/bundle-client.js'];
/** Written by the last step. */
const BUILT = join(ROOT, 'dist/client.min.js');

/** Does nothing where the build is newer than all that it is made of, or where there is no more than the build. */
export async function buildIfStale() {
  if (!existsSync(join(ROOT, STEPS[0])) || !isStale()) return;
  const startedAt = performance.now();
  const seconds = () => Math.round((performance.now() - startedAt) / 1_000);
  const { isTTY } = process.stdout;
  const tell = () => process.stdout.write(isTTY ? `\rBuilding… ${seconds()} s` : 'Building…\n');
  tell();
  const clock = isTTY ? setInterval(tell, 1_000) : undefined;
  try {
    for (const step of STEPS) await run(step);
  } finally {
    clearInterval(clock);
    if (isTTY) process.stdout.write('\r');
  }
  console.log(`Built in ${seconds()} s.`);
}

function isStale() {
  if (!existsSync(BUILT)) return true;
  const builtAt = statSync(BUILT).mtimeMs;
  const sources = readdirSync(join(ROOT, 'lib'), { recursive: true, encoding: 'utf8' }).map((path) =>
    join('lib', path),
  );
  return [...sources, ...STEPS, 'package.json', 'tsconfig.json'].some(
    (path) => statSync(join(ROOT, path)).mtimeMs > builtAt,
  );
}

async function run(step) {
  const child = spawn(process.execPath, [join(ROOT, step)], { cwd: ROOT, stdio: ['ignore', 'ignore', 'inherit'] });
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`${step} failed: npm run build says why`);
}
