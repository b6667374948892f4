/** Refuses what a newer version of the library has written. */
import { unavailable } from '../outcomes.js';
import { SCHEMA } from './stored.js';

/** @throws TaskError `STORE_UNAVAILABLE` for what a newer version of the library has written */
export function assertKnownSchema(schema: number, what: string): void {
  if (schema <= SCHEMA) return;
  throw unavailable(`${what} was written by a newer version of this library (schema ${schema}, known: ${SCHEMA})`);
}
