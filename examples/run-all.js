// Runs the self-checking client of every example, examples/*/check.js (or .mjs), one after another.
// A check starts its own server, asserts what a user would see, and tells the outcome by its exit code.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const TIMEOUT_MS = 120_000;
const folder = fileURLToPath(new URL('.', import.meta.url));

function findChecks() {
  const examples = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return examples.map(({ name }) => {
    const check = readdirSync(join(folder, name)).find((file) => /^check\.m?js$/.test(file));
    if (check === undefined) throw new Error(`examples/${name} has no check.js, so nothing shows that it works`);
    return { name, file: join(folder, name, check) };
  });
}

async function run({ name, file }) {
  console.log(`\n── examples/${name}`);
  const started = performance.now();
  const child = spawn(process.execPath, [file], { stdio: ['ignore', 'inherit', 'inherit'], timeout: TIMEOUT_MS });
  const [code, signal] = await once(child, 'exit');
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(code === 0 ? `ok (${seconds} s)` : `FAILED: ${signal ?? `exit code ${code}`} (${seconds} s)`);
  return code === 0;
}

const checks = findChecks();
if (checks.length === 0) throw new Error('no examples found');

const outcomes = [];
for (const check of checks) outcomes.push(await run(check));
const passed = outcomes.filter(Boolean).length;
console.log(`\nexamples: ${passed} of ${outcomes.length} passed`);
process.exitCode = passed === outcomes.length ? 0 : 1;
