// Writes the drivers of docs/WRITE-A-STORE.md as files of this project, as a reader of the page would.
import { readFileSync, writeFileSync } from 'node:fs';
import ts from 'typescript';

const page = readFileSync(new URL('../../../docs/WRITE-A-STORE.md', import.meta.url), 'utf8');
const compilerOptions = { target: 'ES2022', module: 'ESNext' };

for (const [text, file] of [
  ['class MapKeyValue', 'key-value.js'],
  ['class MapTable', 'table.js'],
]) {
  const block = page.split('```ts\n').find((each) => each.includes(text));
  const { outputText } = ts.transpileModule(block.split('\n```')[0], { compilerOptions });
  const code = outputText
    .replace("'resumable-sse/store'", "'../../../dist/esm/store/index.js'")
    .replace("'resumable-sse'", "'../../../dist/esm/index.js'");
  writeFileSync(new URL(file, import.meta.url), code);
}
