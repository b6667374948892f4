// The figures of a run as a file.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { MIB } from './figures.js';

/** Writes `rows`; those of workloads that were not run stay as they are in the file. */
export function record(file, rows) {
  const before = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).rows : [];
  const names = new Set(rows.map(({ name }) => name));
  const machine = {
    node: process.version,
    cpu: cpus()[0].model,
    cores: availableParallelism(),
    memoryMiB: Math.round(totalmem() / MIB),
  };
  const kept = before.filter(({ name }) => !names.has(name));
  writeFileSync(file, `${JSON.stringify({ machine, rows: [...kept, ...rows] }, undefined, 2)}\n`);
}
