// Writes the driver of docs/WRITE-A-STORE.md as a file of this project, as a reader of the page would.
import { readFileSync, writeFileSync } from 'node:fs';
import ts from 'typescript';

const page = readFileSync(new URL('../../../docs/WRITE-A-STORE.md', import.meta.url), 'utf8');
const code = page
  .split('```ts\n')
  .find((block) => block.includes('class ShelfDriver'))
  .split('\n```')[0];
const { outputText } = ts.transpileModule(code, { compilerOptions: { target: 'ES2022', module: 'ESNext' } });
writeFileSync(
  new URL('driver.js', import.meta.url),
  outputText.replace("'resumable-sse/store'", "'../../../dist/esm/store/index.js'"),
);
