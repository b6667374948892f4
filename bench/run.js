// npm run bench: every workload, one table. `-- fan-out hub` chooses, `--quick` makes them small, `--json FILE` keeps the
// figures.
import { parseArgs } from 'node:util';
import { record } from './harness/record.js';
import { toText } from './harness/rows.js';

const WORKLOADS = [
  ...[
    'fan-out',
    'many-tasks',
    'wires',
    'held',
    'broadcast',
    'replay',
    'progress',
    'event-memory',
    'sweep',
    'first-byte',
    'growth',
  ],
  ...['never-read', 'direct', 'come-back'],
  ...['unattended', 'churn', 'slow-reader'],
];
/** Names for several at a time. */
const GROUPS = {
  hub: ['held', 'broadcast', 'never-read', 'direct', 'come-back'],
  stress: ['unattended', 'churn', 'slow-reader'],
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: 'boolean', default: false }, json: { type: 'string' } },
});
const chosen = positionals.flatMap((name) => GROUPS[name] ?? [name]);
const unknown = chosen.filter((name) => !WORKLOADS.includes(name));
if (unknown.length > 0) {
  console.error(`No workload ${unknown.join(', ')}. There are: ${[...WORKLOADS, ...Object.keys(GROUPS)].join(', ')}`);
  process.exit(2);
}

const rows = [];
for (const name of WORKLOADS.filter((each) => chosen.length === 0 || chosen.includes(each))) {
  const began = performance.now();
  const { run } = await import(`./workloads/${name}.js`);
  const results = await run({ quick: values.quick }); // throws where anything was lost
  for (const row of results) rows.push({ name, ...row });
  console.error(`${name}: ${Math.round((performance.now() - began) / 1_000)} s`);
  if (values.json !== undefined) record(values.json, rows);
}
// A figure is not an assertion: what is short is shown, and the reader decides.
console.log(`\n${toText(rows, values.quick)}`);
if (values.quick) console.log('\n--quick: every event was delivered, once and in order. The figures mean nothing.');
else console.log(`\nAfter ${Math.round(performance.now() / 1_000)} s. CPU is the server's; spread is over the rounds.`);
