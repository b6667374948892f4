import { createTaskManager, type TaskManager } from '../../lib/index.js';
import { createSqliteStore } from '../../lib/sqlite/index.js';
import { describeSlotRaces } from '../contracts/slot-races.js';
import { SqliteFiles } from '../support/sqlite/sqlite-files.js';

const files = new SqliteFiles();
const managers: TaskManager[] = [];

afterAll(async () => {
  await Promise.all(managers.map((tasks) => tasks.stop()));
  files.remove();
});

function open(path: string): TaskManager {
  const store = createSqliteStore({ database: files.connect(path) });
  const tasks = createTaskManager({ store, maxRunningTasks: Infinity, onTaskError: () => undefined });
  managers.push(tasks);
  return tasks;
}

describeSlotRaces(
  'on three connections to one SQLite file',
  async () => {
    const path = files.newPath();
    return [open(path), open(path), open(path)];
  },
  100,
);
