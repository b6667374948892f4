// npm run bench:nats [-- closed-tab throughput presence] [--quick]: needs nats-server.
import { report } from './harness/figures.js';

const WORKLOADS = ['closed-tab', 'throughput', 'presence'];
const given = process.argv.slice(2);
const chosen = given.filter((name) => WORKLOADS.includes(name));

const rows = [];
for (const name of chosen.length > 0 ? chosen : WORKLOADS) {
  const { run } = await import(`./nats/${name}.js`);
  rows.push(...(await run({ quick: given.includes('--quick') })));
}
report(rows);
