import Database from 'better-sqlite3';
import { testStoreOver } from '../sqlite/suites.js';

testStoreOver('better-sqlite3 13', (path) => new Database(path));
