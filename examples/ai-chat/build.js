// Bundles the page: React, the AI SDK’s hook, and the client of this library.
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

export async function buildPage() {
  await build({
    absWorkingDir: fileURLToPath(new URL('.', import.meta.url)),
    entryPoints: ['page/main.jsx'],
    outfile: 'public/page.js',
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    jsx: 'automatic',
    define: { 'process.env.NODE_ENV': '"production"' },
    logLevel: 'warning',
  });
}
