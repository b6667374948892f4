import js from '@eslint/js';
import globals from 'globals';
import tseslint from 'typescript-eslint';

const NO_DEFAULT_EXPORT = {
  selector: 'ExportDefaultDeclaration, ExportSpecifier[exported.name="default"]',
  message: 'Export by name.',
};
const NO_I_PREFIX = {
  selector: 'TSInterfaceDeclaration[id.name=/^I[A-Z][a-z]/]',
  message: 'Name an interface after what it is, without an I in front.',
};
const NO_MODULE_STATE = {
  selector:
    'Program > VariableDeclaration[kind!="const"], Program > ExportNamedDeclaration > VariableDeclaration[kind!="const"]',
  message: 'No mutable state at module level: put it into what createX() returns.',
};
const NO_BARE_ERROR = {
  selector: 'ThrowStatement > NewExpression[callee.name=/^(Error|TypeError|RangeError)$/]',
  message: 'Throw a TaskError, so that callers can branch on its code.',
};
const NO_SPREAD_LITERAL = {
  selector: 'ObjectExpression > SpreadElement > ObjectExpression',
  message: 'Write the properties out: spreading a literal only saves lines.',
};
const NO_FOCUS = {
  selector: 'MemberExpression[object.name=/^(it|test|describe)$/][property.name=/^(only|todo)$/]',
  message: 'A focused or empty test hides others.',
};
const NO_SLEEP = {
  selector: 'NewExpression[callee.name="Promise"] CallExpression[callee.name="setTimeout"]',
  message: 'Tests do not sleep: await the event, or move the clock.',
};

/** For all of lib/. */
const STYLE = [NO_DEFAULT_EXPORT, NO_I_PREFIX, NO_BARE_ERROR, NO_SPREAD_LITERAL];

export default tseslint.config(
  // The consumer is compiled inside the projects that install the package.
  { ignores: ['dist/', 'coverage/', 'examples/ai-chat/public/page.js', '.ci/smoke/shared/consumer.ts'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/consistent-type-definitions': ['error', 'interface'],
      '@typescript-eslint/consistent-type-imports': [
        'error',
        { fixStyle: 'inline-type-imports', disallowTypeAnnotations: false },
      ],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      // JSON.stringify is declared to return a string; it does not for undefined, functions and symbols.
      '@typescript-eslint/no-unnecessary-type-assertion': ['error', { typesToIgnore: ['string | undefined'] }],
      '@typescript-eslint/prefer-promise-reject-errors': ['error', { allowThrowingUnknown: true }],
      '@typescript-eslint/prefer-nullish-coalescing': 'error',
      '@typescript-eslint/prefer-optional-chain': 'error',
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allow: ['URL', 'URLSearchParams'] },
      ],
      '@typescript-eslint/no-invalid-void-type': ['error', { allowAsThisParameter: true }],
      'no-duplicate-imports': ['error', { allowSeparateTypeImports: true }],
      eqeqeq: 'error',
    },
  },
  {
    files: ['lib/**/*.ts'],
    rules: {
      '@typescript-eslint/ban-ts-comment': ['error', { 'ts-expect-error': true, minimumDescriptionLength: 0 }],
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      '@typescript-eslint/prefer-readonly': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: false }],
      'max-lines': ['error', 250],
      'no-console': 'error',
      'no-restricted-syntax': ['error', ...STYLE, NO_MODULE_STATE],
    },
  },
  {
    // The one module with state: the manager that init() makes.
    files: ['lib/default-manager.ts'],
    rules: { 'no-restricted-syntax': ['error', ...STYLE] },
  },
  {
    // Time is a port on the server; the client runs where there is nobody to hand it one.
    files: ['lib/**/*.ts'],
    ignores: ['lib/core/clock.ts', 'lib/client/**', 'lib/react/**'],
    rules: {
      'no-restricted-globals': [
        'error',
        ...['setTimeout', 'setInterval'].map((name) => ({
          name,
          message: 'Take the Clock: it is unref’d, clamped, and tests can move it.',
        })),
      ],
    },
  },
  {
    // What tests are made of: it may name what it knows to be there, and wait where no event tells.
    files: ['lib/testing/**/*.ts'],
    rules: {
      '@typescript-eslint/no-non-null-assertion': 'off',
      'no-restricted-globals': 'off',
      'no-restricted-syntax': ['error', NO_DEFAULT_EXPORT, NO_I_PREFIX],
    },
  },
  {
    files: ['__tests__/**/*.ts'],
    rules: {
      // Matchers (expect.any), parsed JSON and supertest bodies are `any`; assertions are what checks them.
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      // A job in a test is an async function whether or not it awaits.
      '@typescript-eslint/require-await': 'off',
      'no-restricted-syntax': ['error', NO_DEFAULT_EXPORT, NO_I_PREFIX, NO_FOCUS, NO_SLEEP],
    },
  },
  {
    // Support code may race an event against a deadline.
    files: ['__tests__/support/**/*.ts'],
    rules: { 'no-restricted-syntax': ['error', NO_DEFAULT_EXPORT, NO_I_PREFIX] },
  },
  {
    files: ['**/*.{js,mjs,cjs}'],
    languageOptions: { globals: globals.node },
    rules: {
      'no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      'prefer-const': 'error',
      'no-var': 'error',
      eqeqeq: 'error',
    },
  },
  { files: ['**/*.cjs', '.ci/smoke/express4-cjs/*.js'], languageOptions: { sourceType: 'commonjs' } },
  { files: ['.ci/smoke/**/*.test.js'], languageOptions: { globals: globals.jest } },
  { files: ['examples/*/public/**/*.js'], languageOptions: { globals: globals.browser } },
);
