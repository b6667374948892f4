import { buildSync } from 'esbuild';
import { gzipSync } from 'node:zlib';

const bundle = (entry: string, extra: object = {}): string =>
  buildSync({
    ...('stdin' in extra ? {} : { entryPoints: [entry] }),
    ...{ bundle: true, write: false, minify: true, metafile: true },
    ...{ format: 'esm', platform: 'browser', target: 'es2022', tsconfigRaw: {}, ...extra },
  }).outputFiles[0]!.text;

/** Names of Node that a browser does not have. As a property of the global object they may be looked for. */
const NODE = /(?<!\.)\b(?:Buffer|process|require|__dirname|global|setImmediate)\b/;

it.each([
  ['lib/client/index.ts', {}],
  ['lib/react/index.ts', { external: ['react'] }],
])('%s holds nothing of Node', (entry, extra) => {
  const text = bundle(entry, extra); // fails on an import of Node, since the platform has none
  expect(NODE.exec(text)?.[0]).toBeUndefined();
  expect(NODE.test(bundle('lib/core/engine/engine.ts', { platform: 'node' }))).toBe(true); // what it would find
});

/** What a page pays for one import. */
const bundleOf = (name: string, from: string): string => {
  const contents = `import { ${name} } from './lib/${from}/index.ts'; ${name}();`;
  return bundle('', { stdin: { contents, resolveDir: '.' }, external: ['react'] });
};

it.each([
  ['streamTask', 'client', 4.8],
  ['connectHub', 'client', 4],
  ['useTask', 'react', 5.8],
])('%s of the room %s is under %f KiB gzipped with its parser, and imports nothing but React', (name, from, kib) => {
  const text = bundleOf(name, from);
  expect(gzipSync(text, { level: 9 }).length).toBeLessThanOrEqual(kib * 1_024);
  expect(text).not.toMatch(/\bimport\b(?!{[^}]*}from"react")/);
});

it('resumableFetch is under 2.5 KiB gzipped, and imports nothing', () => {
  const contents = `import { resumableFetch } from './lib/client/index.ts'; resumableFetch();`;
  const text = bundle('', { stdin: { contents, resolveDir: '.' } });
  expect(gzipSync(text, { level: 9 }).length).toBeLessThanOrEqual(2_560);
  expect(text).not.toMatch(/\bimport\b/);
});
