export * from '../../../lib/testing/store-fixtures.js';
