import { createKeyValueDriver } from '../../lib/store/index.js';
import { describeSameAsMaps } from '../contracts/same-as-maps.js';
import { MapKeyValue } from '../support/stores/map-key-value.js';

describeSameAsMaps('A key-value store', () => {
  const keyValue = new MapKeyValue();
  return [1, 2].map(() => createKeyValueDriver({ keyValue }));
});
