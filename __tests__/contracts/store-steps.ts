export * from '../../lib/testing/store-contract/steps.js';
