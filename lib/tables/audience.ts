/** Keeps who is attached to which task on which instance, and where those who left were: one document for each task. */
import type { AudienceReport } from '../distributed/port/calls.js';
import type { AudienceShare, Departure } from '../distributed/port/stored.js';
import type { Documents } from './documents.js';

const MAX_DEPARTURES = 1_000;

interface AudienceDocument {
  readonly shares: readonly AudienceShare[];
  /** The number of times that a name is attached to an instance. */
  readonly attached: readonly (readonly [name: string, instance: string, count: number])[];
  /** The last to leave comes last. */
  readonly departed: readonly (readonly [name: string, position: number])[];
}

const NOBODY: AudienceDocument = Object.freeze({ shares: [], attached: [], departed: [] });

const keyOf = (taskId: string): string => `audience/${taskId}`;

export async function report(documents: Documents, { taskId, moves, ...share }: AudienceReport): Promise<void> {
  await documents.replace<AudienceDocument>(keyOf(taskId), (audience = NOBODY) => {
    const { instance, version } = share;
    const others = audience.shares.filter((each) => each.instance !== instance);
    const before = audience.shares.find((each) => each.instance === instance);
    if (before !== undefined && before.version >= version) return audience;
    const shares = [...others, share];
    return moves.length === 0 ? { ...audience, shares } : { shares, ...moved(audience, instance, moves) };
  });
}

export async function readAudience(documents: Documents, taskId: string): Promise<readonly AudienceShare[]> {
  return (await read(documents, taskId)).shares;
}

export async function readDeparture(documents: Documents, taskId: string, name: string): Promise<Departure> {
  const { attached, departed } = await read(documents, taskId);
  return {
    attachedTo: attached.flatMap(([who, instance]) => (who === name ? instance : [])),
    position: departed.find(([who]) => who === name)?.[1],
  };
}

export const forgetAudience = (documents: Documents, taskId: string): Promise<void> => documents.delete(keyOf(taskId));

const read = async (documents: Documents, taskId: string): Promise<AudienceDocument> =>
  (await documents.read<AudienceDocument>(keyOf(taskId))) ?? NOBODY;

function moved(
  audience: AudienceDocument,
  instance: string,
  moves: AudienceReport['moves'],
): Pick<AudienceDocument, 'attached' | 'departed'> {
  const here = new Map<string, number>();
  for (const [name, at, count] of audience.attached) if (at === instance) here.set(name, count);
  const departed = new Map(audience.departed);
  for (const { subscriberId, position } of moves) {
    const count = (here.get(subscriberId) ?? 0) + (position === undefined ? 1 : -1);
    if (count > 0) here.set(subscriberId, count);
    else here.delete(subscriberId);
    if (position === undefined) continue;
    departed.delete(subscriberId);
    departed.set(subscriberId, position);
  }
  const elsewhere = audience.attached.filter(([, at]) => at !== instance);
  const attached = [...elsewhere, ...[...here].map(([name, count]) => [name, instance, count] as const)];
  return { attached, departed: [...departed].slice(-MAX_DEPARTURES) };
}
