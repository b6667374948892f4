import { createSqliteDriver } from '../../lib/sqlite/sqlite-driver.js';
import { describeSameAsMaps } from '../contracts/same-as-maps.js';
import { PREFIX } from '../support/sqlite/sqlite-driver.js';
import { SqliteFiles } from '../support/sqlite/sqlite-files.js';

const files = new SqliteFiles();

afterAll(() => {
  files.remove();
});

describeSameAsMaps('SQLite', () => {
  const path = files.newPath();
  return [1, 2].map(() => createSqliteDriver(files.connect(path), PREFIX));
});
