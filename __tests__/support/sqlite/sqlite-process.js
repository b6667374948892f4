// Runs tasks from a SQLite file in a process of its own, to be killed. Tells over IPC what was acknowledged.
import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import Libsql from 'libsql';

// What Node 22.13 and newer bring; older ones have libsql.
const Database = process.getBuiltinModule('node:sqlite')?.DatabaseSync ?? Libsql;
const [libUrl, path, events] = process.argv.slice(2);
const { createTaskManager } = await import(`${libUrl}/index.js`);
const { createSqliteStore } = await import(`${libUrl}/sqlite/index.js`);

const store = createSqliteStore({ database: new Database(path), leaseMs: 500 });
const tasks = createTaskManager({ store, onTaskError: () => undefined });

const request = Object.assign(new IncomingMessage(new Socket()), { method: 'POST', url: '/', httpVersionMajor: 1 });

async function count({ taskId, updateProgress }) {
  for (let n = 1; n <= Number(events); n++) {
    await updateProgress({ n });
    process.send?.({ taskId, n });
    if (n % 5 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

async function startOneAfterAnother() {
  for (;;) {
    try {
      const { taskId } = await tasks.startTask(request, count);
      let status = 'running';
      while (status === 'running') {
        await new Promise((resolve) => setTimeout(resolve, 5));
        ({ status } = await tasks.getTaskInfo(taskId));
      }
    } catch (error) {
      process.send?.({ error: String(error) });
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

process.on('disconnect', () => process.exit());
for (let line = 0; line < 3; line++) void startOneAfterAnother();
process.send?.({ ready: true });
