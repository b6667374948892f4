import { DatabaseSync } from 'node:sqlite';
import { testStoreOver } from './suites.js';

testStoreOver('node:sqlite', (path) => new DatabaseSync(path));
