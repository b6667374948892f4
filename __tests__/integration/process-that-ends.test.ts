/** A process with nothing else to do: it stays until a store's file is free and until `stop` is done, and then ends by itself. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { compileLib } from '../support/processes/compiled-lib.js';
import { SqliteFiles } from '../support/sqlite/sqlite-files.js';

/** The file is locked until it has been tried so often. */
const TRIES = 10;

const files = new SqliteFiles();
const children: ChildProcess[] = [];
let libUrl = '';

beforeAll(() => {
  libUrl = compileLib('process-that-ends');
});

afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
  files.remove();
});

function run(script: string, path = ''): ChildProcess {
  const imports = `
    import { createTaskManager } from '${libUrl}/index.js';
    import { createSqliteStore } from '${libUrl}/sqlite/index.js';
    import Libsql from 'libsql';
    const Database = process.getBuiltinModule('node:sqlite')?.DatabaseSync ?? Libsql;`;
  const args = ['--input-type=module', '--eval', imports + script, path];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'], execArgv: [] } as never);
  children.push(child);
  return child;
}

it('waits for a file that another process has locked', async () => {
  const path = files.newPath();
  const other = files.connect(path);
  other.exec('PRAGMA journal_mode = WAL');
  other.exec('BEGIN IMMEDIATE');
  const child = run(
    `
    const database = new Database(process.argv[1]);
    const prepare = (sql) => {
      const statement = database.prepare(sql);
      if (sql !== 'BEGIN IMMEDIATE') return statement;
      return {
        run() {
          try {
            return statement.run();
          } catch (error) {
            console.log('busy');
            throw error;
          }
        },
      };
    };
    const exec = (sql) => {
      try {
        return database.exec(sql);
      } catch (error) {
        console.log('busy');
        throw error;
      }
    };
    const tasks = createTaskManager({ store: createSqliteStore({ database: { exec, prepare } }) });
    await tasks.start(async () => 1);
    console.log('started');`,
    path,
  );
  let said = '';
  let isLocked = true;
  for await (const chunk of child.stdout!) {
    said += String(chunk);
    if (isLocked && said.split('busy').length > TRIES) {
      isLocked = false;
      other.exec('COMMIT');
    }
  }
  expect(said).toContain('started');
});

it('waits in `stop` for the jobs that have time left', async () => {
  const child = run(`
    const tasks = createTaskManager();
    await tasks.start(() => new Promise(() => {}));
    await tasks.stop({ graceMs: 100 });
    console.log('stopped');`);
  expect(await text(child.stdout!)).toContain('stopped');
  if (child.exitCode === null) await once(child, 'exit');
  expect(child.exitCode).toBe(0);
});
