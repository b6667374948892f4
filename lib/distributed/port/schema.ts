/** Refuses what a newer version of the library has written. */
import { unavailable } from '../../core/errors.js';
import { SCHEMA } from './stored.js';

/** Tells whether this version of the library can read what was written with the schema. */
export const isKnownSchema = (schema: number): boolean => schema <= SCHEMA;

/** @throws TaskError `STORE_UNAVAILABLE` for what a newer version of the library has written */
export function assertKnownSchema(schema: number, what: string): void {
  if (isKnownSchema(schema)) return;
  throw unavailable(`${what} was written by a newer version of this library (schema ${schema}, known: ${SCHEMA})`);
}
