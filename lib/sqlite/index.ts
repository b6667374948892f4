export { SqliteDriver } from './sqlite-driver.js';
export type { SqliteDatabase, SqliteStatement } from './connection.js';
