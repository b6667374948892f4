import { describeDriverBell } from './driver-bell.js';
import { describeDriverCreation } from './driver-creation.js';
import { describeDriverIndexes } from './driver-indexes.js';
import { describeDriverLog } from './driver-log.js';
import { describeDriverTakeover } from './driver-takeover.js';
import type { OpenDrivers, OpenedDrivers } from './driver-steps.js';

/** What a database must be able to do, whichever it is: the suite that every driver passes, without the rules above it. */
export function describeTaskDriver(name: string, open: OpenDrivers): void {
  describe(`${name} as a task driver`, () => {
    const opened: OpenedDrivers[] = [];
    const fresh: OpenDrivers = async (limits) => {
      const drivers = await open(limits);
      opened.push(drivers);
      return drivers;
    };

    afterEach(async () => {
      for (const each of opened.splice(0)) await each.close();
    });

    describeDriverCreation(fresh);
    describeDriverLog(fresh);
    describeDriverTakeover(fresh);
    describeDriverIndexes(fresh);
    describeDriverBell(fresh);
  });
}
