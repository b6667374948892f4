import { buildSync } from 'esbuild';
import { gzipSync } from 'node:zlib';

const bundle = (entry: string, extra: object = {}): string =>
  buildSync({
    ...('stdin' in extra ? {} : { entryPoints: [entry] }),
    ...{ bundle: true, write: false, minify: true, metafile: true },
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

it.each(['streamTask', 'connectHub'])('%s is under 4 KiB gzipped with its parser, and imports nothing', (name) => {
  const contents = `import { ${name} } from './lib/client/index.ts'; ${name}();`;
  const text = bundle('', { stdin: { contents, resolveDir: '.' } });
  expect(gzipSync(text, { level: 9 }).length).toBeLessThanOrEqual(4_096);
  expect(text).not.toMatch(/\bimport\b/);
});
