import { buildSync } from 'esbuild';
import { gzipSync } from 'node:zlib';

const bundle = (entry: string, extra: object = {}): string =>
  buildSync({
    ...{ entryPoints: [entry], bundle: true, write: false, minify: true, metafile: true },
    ...{ format: 'esm', platform: 'browser', target: 'es2022', tsconfigRaw: {}, ...extra },
  }).outputFiles[0]!.text;

/** Names of Node that a browser does not have. */
const NODE = /\b(?:Buffer|process|require|__dirname|global|setImmediate)\b/;

it.each([
  ['lib/client/index.ts', {}],
  ['lib/react/index.ts', { external: ['react'] }],
])('%s holds nothing of Node', (entry, extra) => {
  const text = bundle(entry, extra); // fails on an import of Node, since the platform has none
  expect(NODE.exec(text)?.[0]).toBeUndefined();
  expect(NODE.test(bundle('lib/core/engine.ts', { platform: 'node' }))).toBe(true); // what it would find
});

it('is under 4 KiB gzipped with its parser, in one file that imports nothing', () => {
  const text = bundle('lib/client/index.ts');
  expect(gzipSync(text, { level: 9 }).length).toBeLessThanOrEqual(4_096);
  expect(text).not.toMatch(/\bimport\b/);
});
