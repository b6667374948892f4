import { createKeyValueDriver, createTaskStore } from '../../lib/store/index.js';
import { describeTaskStore } from '../contracts/task-store.js';
import { openTwoPollingStores } from '../contracts/two-polling-stores.js';
import { MapKeyValue } from '../support/stores/map-key-value.js';

describeTaskStore('A key-value store', (limits) => {
  const keyValue = new MapKeyValue();
  return openTwoPollingStores(limits, () => createTaskStore(createKeyValueDriver({ keyValue, pollMs: 10 })));
});
