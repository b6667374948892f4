import { describe, it } from 'node:test';
import { MapKeyValue } from './key-value.js';
import { keyValueDriverOf, tableDriverOf, testDriver, testStore } from './suites.js';
import { MapTable } from './table.js';

for (const [name, open] of [
  ['the driver of the page', tableDriverOf(MapTable, MapKeyValue)],
  ['the three methods of the page', keyValueDriverOf(MapKeyValue)],
]) {
  testDriver(name, open, { describe, it });
  testStore(name, open, { describe, it });
}
