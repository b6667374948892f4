import { describe, it } from 'vitest';
import * as page from './driver.js';
import { testDriver, testStore } from './suites.js';

testDriver(page, { describe, it });
testStore(page, { describe, it });
