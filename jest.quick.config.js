import full from './jest.config.js';

const [express5] = full.projects;

/**
 * `npm run test:quick`: what fails most often while one edits, in under half a minute. Tasks live in memory only; no
 * server is started beside the test itself, no browser, no other process, and Express 5 alone. Left out are the tests that
 * need Redis, NATS, SQLite files or Chromium, those that draw many random runs, and those of the docs and the test support.
 *
 * @type {import('jest').Config}
 */
export default {
  ...full,
  projects: undefined,
  ...express5,
  displayName: 'quick',
  testPathIgnorePatterns: [
    '/node_modules/',
    '__tests__/(browser|examples|integration|model|nats|redis|sqlite)/',
    '__tests__/(docs.*|support-.*|every-event-once)\\.test',
    '__tests__/(client|react)/(every-event-once|through-proxies|connect-hub|use-task)',
    '(property|model|churn|round-trip|simulation|task-store|kit|takeovers|deaths-and-orphans|instances-that-share-tasks)\\.test',
  ],
};
