import { DatabaseSync } from 'node:sqlite';
import { testStoreOver } from './suites.js';

testStoreOver(`node:sqlite of Node ${process.version}`, (path) => new DatabaseSync(path));
