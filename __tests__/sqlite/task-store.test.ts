import { createSqliteStore } from '../../lib/sqlite/index.js';
import { describeTaskStore } from '../contracts/task-store.js';
import { openTwoPollingStores } from '../contracts/two-polling-stores.js';
import { SqliteFiles } from '../support/sqlite/sqlite-files.js';

describeTaskStore('SQLite', (limits) => {
  const files = new SqliteFiles();
  const path = files.newPath();
  const stores = openTwoPollingStores(limits, () => createSqliteStore({ database: files.connect(path) }));
  return {
    ...stores,
    close: async () => {
      await stores.close();
      files.remove();
    },
  };
});
