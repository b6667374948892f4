// Builds dist/client.min.js: the client and its parser in one file, for <script type="module"> without a bundler.
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));

await build({
  absWorkingDir: root,
  entryPoints: ['lib/client/index.ts'],
  outfile: 'dist/client.min.js',
  bundle: true,
  minify: true,
  format: 'esm',
  target: 'es2022',
  tsconfigRaw: {},
  legalComments: 'none',
});
