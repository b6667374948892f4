export * from '../../../lib/testing/flow.js';
