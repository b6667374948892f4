const resultsFile = process.env.JEST_RESULTS_FILE;
const sourceImports = { '^(\\.{1,2}/.*)\\.js$': '$1' };

/** ts-jest in CommonJS mode: type errors fail the tests, and no Node flag is needed. */
const tsJest = [
  'ts-jest',
  {
    tsconfig: {
      target: 'ES2022',
      lib: ['ES2023'],
      module: 'CommonJS',
      moduleResolution: 'Bundler',
      types: ['node', 'jest'],
      strict: true,
      noUncheckedIndexedAccess: true,
      exactOptionalPropertyTypes: true,
      noImplicitOverride: true,
      verbatimModuleSyntax: false,
      isolatedModules: true,
      esModuleInterop: true,
      skipLibCheck: true,
    },
  },
];

/** @type {import('jest').Config} */
const project = {
  testEnvironment: 'node',
  testMatch: ['<rootDir>/__tests__/**/*.test.ts'],
  modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/.ci/'],
  transform: { '^.+\\.ts$': tsJest },
  moduleNameMapper: sourceImports,
};

/** @type {import('jest').Config} */
export default {
  projects: [
    { ...project, displayName: 'express5' },
    {
      // What touches Express runs a second time, on the older major that the package supports as well.
      ...project,
      displayName: 'express4',
      testMatch: ['<rootDir>/__tests__/express/**/*.test.ts'],
      moduleNameMapper: { ...sourceImports, '^express$': 'express4' },
    },
  ],
  // No test depends on how fast the machine is; this only ends one that hangs.
  testTimeout: 120_000,
  // One worker per core: most tests wait for servers and browsers, not for the processor.
  maxWorkers: '100%',
  // CI counts the results of a plain `npm test`.
  reporters: ['default', ...(resultsFile ? [['<rootDir>/.ci/results-reporter.js', { file: resultsFile }]] : [])],
};
