// npm run bench:core [-- progress replay …]: what the core costs, each figure beside its target.
import { report } from './harness/figures.js';

const WORKLOADS = ['progress', 'event-memory', 'replay', 'sweep'];
const chosen = process.argv.slice(2).filter((name) => WORKLOADS.includes(name));

const rows = [];
for (const name of chosen.length > 0 ? chosen : WORKLOADS) {
  const { run } = await import(`./core/${name}.js`);
  rows.push(...(await run()));
}
// A figure is not an assertion: what is short is shown, and the reader decides.
report(rows);
