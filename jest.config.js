/** ts-jest in CommonJS mode: type errors fail the tests, and no Node flag is needed. @type {import('jest').Config} */
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
      isolatedModules: false,
      esModuleInterop: true,
      skipLibCheck: true,
    },
  },
];

export default {
  testEnvironment: 'node',
  testMatch: ['**/__tests__/**/*.test.ts'],
  modulePathIgnorePatterns: ['<rootDir>/dist/'],
  transform: { '^.+\\.ts$': tsJest },
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
};
