import { describe, it } from 'node:test';
import * as page from './driver.js';
import { MapKeyValue } from './key-value.js';
import { driverOf, keyValueDriverOf, testDriver, testStore } from './suites.js';

for (const [name, open] of [
  ['the driver of the page', driverOf(page)],
  ['the three methods of the page', keyValueDriverOf(MapKeyValue)],
]) {
  testDriver(name, open, { describe, it });
  testStore(name, open, { describe, it });
}
