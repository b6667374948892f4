// The suites for stores and drivers, on node:test, over whatever opens a SQLite file.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { createSqliteStore } from '../../../dist/esm/sqlite/index.js';
import { createManualClock, describeTaskStore, storeSettings, STORE_TTL_MS } from '../../../dist/esm/testing/index.js';

/** @param {(path: string) => object} connect opens a file */
export function testStoreOver(name, connect) {
  describeTaskStore(
    name,
    (limits) => {
      const folder = mkdtempSync(join(tmpdir(), 'integration-sqlite-'));
      const clock = createManualClock();
      const passing = setInterval(() => clock.advance(1), 1);
      const databases = [];
      const open = () => {
        databases.push(connect(join(folder, 'tasks.db')));
        return createSqliteStore({ database: databases.at(-1) })(
          storeSettings({ clock, ttlMs: STORE_TTL_MS, ...limits }),
        );
      };
      const [store, peer] = [open(), open()];
      return {
        store,
        peer,
        advance: (ms) => clock.advance(ms),
        close: async () => {
          await Promise.all([store.stop(), peer.stop()]);
          clearInterval(passing);
          for (const database of databases) database.close();
          rmSync(folder, { recursive: true, force: true });
        },
      };
    },
    { describe, it },
  );
}
