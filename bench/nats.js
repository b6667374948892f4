// npm run bench:nats [-- closed-tab throughput presence] [--quick]: needs nats-server.
import { toColumns } from './harness/rows.js';

const WORKLOADS = ['closed-tab', 'throughput', 'presence'];
const given = process.argv.slice(2);
const chosen = given.filter((name) => WORKLOADS.includes(name));

const rows = [];
for (const name of chosen.length > 0 ? chosen : WORKLOADS) {
  const { run } = await import(`./nats/${name}.js`);
  rows.push(...(await run({ quick: given.includes('--quick') })));
}
const lines = rows.map(({ workload, target, figure, ok }) => [workload, target, figure, ok ? 'pass' : 'short']);
console.log(toColumns([['workload', 'target', 'measured', ''], ...lines]));
