// Writes the recipes of docs/TESTING.md as files of this project: the calls that fake timers, and the test of a component.
import { readFileSync, writeFileSync } from 'node:fs';

const page = readFileSync(new URL('../../../docs/TESTING.md', import.meta.url), 'utf8');
const write = (name, text) => writeFileSync(new URL(name, import.meta.url), text);

const calls = [...page.matchAll(/^\| `?(jest|vitest|node:test)`? +\| `(.+\(.+\))` +\|$/gm)];
if (calls.length !== 3) throw new Error('The page does not say how each runner fakes its timers');
write('fake-timers.json', JSON.stringify(Object.fromEntries(calls.map(([, runner, call]) => [runner, call]))));

const component = page.split('```text\n').find((block) => block.includes('renderHook('));
write(
  'component.vitest.js',
  component
    .split('\n```')[0]
    .replace("'express'", "'../../../node_modules/express/index.js'")
    .replace("'resumable-sse'", "'../../../dist/esm/index.js'")
    .replace("'resumable-sse/react'", "'../../../dist/esm/react/index.js'"),
);
