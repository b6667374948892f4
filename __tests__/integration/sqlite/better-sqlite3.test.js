import Database from 'better-sqlite3';
import { testStoreOver } from './suites.js';

testStoreOver('better-sqlite3', (path) => new Database(path));
