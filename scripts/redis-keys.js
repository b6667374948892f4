// What tasks occupy in Redis: `npm run redis:keys -- [taskId] [--prefix rsse:] [--url redis://127.0.0.1:6379]`.
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    prefix: { type: 'string', default: 'rsse:' },
    url: { type: 'string', default: process.env.REDIS_URL ?? 'redis://127.0.0.1:6379' },
  },
});

const ask = (...words) => {
  const { status, stdout, stderr, error } = spawnSync('redis-cli', ['-u', values.url, '--raw', ...words]);
  if (error) throw new Error('redis-cli is not there: it comes with redis-tools or redis-server');
  if (status !== 0) throw new Error(String(stderr || stdout).trim());
  return String(stdout).trim();
};

try {
  const pattern = positionals[0] === undefined ? `${values.prefix}*` : `${values.prefix}{${positionals[0]}}:*`;
  const keys = ask('--scan', '--pattern', pattern).split('\n').filter(Boolean).sort();
  let total = 0;
  console.log('     bytes   expires in  type    key');
  for (const key of keys) {
    const bytes = Number(ask('MEMORY', 'USAGE', key, 'SAMPLES', '0'));
    const left = Number(ask('PTTL', key));
    const expires = left < 0 ? 'never' : `${Math.round(left / 1000)} s`;
    total += bytes;
    console.log(`${String(bytes).padStart(10)}  ${expires.padStart(11)}  ${ask('TYPE', key).padEnd(6)}  ${key}`);
  }
  console.log(`${String(total).padStart(10)}  in ${keys.length} keys`);
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
