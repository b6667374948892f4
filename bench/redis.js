// The Redis store beside raw commands and pub/sub of the same client, and beside resumable-stream: `npm run bench:redis`.
// Needs redis-server. `-- append` chooses, `--quick` makes it small: then the figures mean nothing.
import { parseArgs } from 'node:util';
import { median } from './harness/figures.js';

const WORKLOADS = ['append', 'latency', 'stop', 'lost', 'resumable-stream', 'capacity'];

/** Rows as `{ workload, unit, samples, targets }`: one figure per round by way, and what ours is held to. */
export async function run({ quick = false, workloads = WORKLOADS } = {}) {
  const rows = [];
  for (const name of workloads) {
    const workload = await import(`./redis/${name}.js`);
    rows.push(...(await workload.run({ quick })));
  }
  return rows;
}

const brief = (value) => (value >= 100 ? Math.round(value).toLocaleString('en') : Number(value.toPrecision(3)));

function describe({ workload, unit, samples, targets }) {
  const figures = Object.entries(samples).map(([way, values]) => `${way} ${brief(median(values))}`);
  const ratios = targets.flatMap(({ over, least, most }) => {
    const limit = least === undefined ? (most === undefined ? '' : ` (≤ ${most})`) : ` (≥ ${least})`;
    if (over === undefined) return limit;
    return `${brief(median(samples.ours.map((ours, round) => ours / samples[over][round])))} × ${over}${limit}`;
  });
  return `${workload}: ${figures.join(', ')} ${unit}${ratios.map((ratio) => `; ${ratio.trim()}`).join('')}`;
}

if (process.argv[1] === import.meta.filename) {
  const options = { quick: { type: 'boolean', default: false } };
  const { values, positionals } = parseArgs({ allowPositionals: true, options });
  const workloads = positionals.length === 0 ? WORKLOADS : positionals;
  for (const name of workloads) {
    for (const row of await run({ ...values, workloads: [name] })) console.log(describe(row));
  }
  process.exit();
}
