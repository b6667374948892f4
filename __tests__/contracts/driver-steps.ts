export * from '../../lib/testing/driver-contract/steps.js';
