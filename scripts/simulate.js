// Runs many simulations of many instances (`__tests__/distributed/simulation`) and tells every one that failed.
// node scripts/simulate.js [runs per regime] [seed] [regimes, as "0,5"]
import { build } from 'esbuild';
import { rmSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';

const source = fileURLToPath(new URL('../__tests__/distributed/simulation/simulate.ts', import.meta.url));
const outfile = fileURLToPath(new URL(`../node_modules/.cache/simulate-${process.pid}.mjs`, import.meta.url));
await build({ entryPoints: [source], outfile, bundle: true, platform: 'node', format: 'esm', packages: 'external' });
const { REGIMES, RUNS_PER_REGIME, simulate } = await import(pathToFileURL(outfile).href);
rmSync(outfile);

const [runs = 100, seed = Date.now() % 2 ** 31] = process.argv.slice(2, 4).map(Number);
const regimes = process.argv[4]?.split(',').map(Number) ?? REGIMES.map((_, index) => index);
let failed = 0;
for (const regime of regimes) {
  const startedMs = performance.now();
  let bad = 0;
  for (let run = 0; run < runs; run++) {
    try {
      await simulate(seed, regime * RUNS_PER_REGIME + run);
    } catch (error) {
      bad++;
      console.log(`${error.message}\n→ ${error.cause?.message}\n`);
    }
  }
  failed += bad;
  const seconds = ((performance.now() - startedMs) / 1_000).toFixed(1);
  console.log(`SEED=${seed} ${REGIMES[regime][0]}: ${bad} of ${runs} failed (${seconds} s)`);
}
process.exitCode = failed === 0 ? 0 : 1;
