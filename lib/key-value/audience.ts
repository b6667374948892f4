import type { AudienceReport } from '../distributed/port/calls.js';
import type { AudienceShare, Departure } from '../distributed/port/stored.js';
import { audienceKey } from './task-document.js';
import type { TaskShelf } from './task-shelf.js';

/** Keeps who is attached to which task on which instance, and where those who left were. */

const MAX_DEPARTURES = 1_000;

interface AudienceDocument {
  readonly shares: readonly AudienceShare[];
  /** Once for each time that it is attached. */
  readonly attached: readonly (readonly [name: string, instance: string])[];
  /** The last to leave comes last. */
  readonly departed: readonly (readonly [name: string, position: number])[];
}

const NOBODY: AudienceDocument = Object.freeze({ shares: [], attached: [], departed: [] });

export async function report(shelf: TaskShelf, { taskId, moves, ...share }: AudienceReport): Promise<void> {
  if ((await shelf.find({ taskId })) === undefined) return;
  await shelf.documents.replace<AudienceDocument>(audienceKey(taskId), (audience = NOBODY) => {
    const { instance, version } = share;
    const before = audience.shares.find((each) => each.instance === instance);
    if (before !== undefined && before.version >= version) return audience;
    const attached = [...audience.attached];
    const departed = new Map(audience.departed);
    for (const { subscriberId, position } of moves) {
      if (position === undefined) {
        attached.push([subscriberId, instance]);
        continue;
      }
      const index = attached.findIndex(([name, at]) => name === subscriberId && at === instance);
      if (index >= 0) attached.splice(index, 1);
      departed.delete(subscriberId);
      departed.set(subscriberId, position);
    }
    const shares = [...audience.shares.filter((each) => each !== before), share];
    return { shares, attached, departed: [...departed].slice(-MAX_DEPARTURES) };
  });
}

export async function readAudience(shelf: TaskShelf, taskId: string): Promise<readonly AudienceShare[]> {
  return (await read(shelf, taskId)).shares;
}

export async function readDeparture(shelf: TaskShelf, taskId: string, name: string): Promise<Departure> {
  const { attached, departed } = await read(shelf, taskId);
  const attachedTo = new Set(attached.flatMap(([who, instance]) => (who === name ? instance : [])));
  return { attachedTo: [...attachedTo], position: new Map(departed).get(name) };
}

async function read(shelf: TaskShelf, taskId: string): Promise<AudienceDocument> {
  if ((await shelf.find({ taskId })) === undefined) return NOBODY;
  return (await shelf.documents.read<AudienceDocument>(audienceKey(taskId))) ?? NOBODY;
}
