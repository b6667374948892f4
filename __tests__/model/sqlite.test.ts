import { SqliteFiles } from '../support/sqlite/sqlite-files.js';
import { describeModel } from './describe-model.js';
import { inSqlite } from './home.js';

const files = new SqliteFiles();

afterAll(() => {
  files.remove();
});

describeModel('a task manager over a SQLite file does what its model says', (clock) => inSqlite(files, clock), {
  each: 10,
  stopped: 10,
});
