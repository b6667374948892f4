import { strict as assert } from 'node:assert';
import type { Said } from './job.js';
import { isSame, type Reader, type Told } from './reader.js';
import type { Faults } from './faults.js';
import type { World } from './world.js';

/** Checks, after the calm, what every world must keep of what was promised. */
export async function checkPromises(world: World): Promise<void> {
  checkReaders(world);
  await checkTasks(world);
  await checkNothingIsLeft(world);
}

/** A start that the store carried out long after it was given up is removed, and somebody may have found it by then. */
const isGivenUp = ({ over, told }: Reader, { weather }: Faults): boolean =>
  weather && over === 'gone' && told.length === 0;

/** Everybody has had their end, and nothing was left out without a word. */
function checkReaders({ readers, hasLostData, faults }: World): void {
  for (const reader of readers) {
    if (reader.failure !== undefined) throw reader.failure as Error;
    const who = `the reader of ${reader.lastEventId ?? reader.query}`;
    assert.ok(reader.over !== undefined, `${who} waits for ever`);
    if (hasLostData) continue;
    assert.ok(isGivenUp(reader, faults) || reader.over !== 'gone', `${who} was told that there is no such task`);
    const unexpected = reader.gaps.filter(({ reason }) => reason !== 'trimmed');
    assert.deepEqual(unexpected, [], `${who} was told of a loss, and nothing was lost`);
  }
}

/** Every task has one end, and one log, whoever is asked. */
async function checkTasks(world: World): Promise<void> {
  const tasks = new Map<string, Reader>();
  for (const reader of world.readers) {
    const { resumeKey, taskId } = reader;
    if (resumeKey === undefined || taskId === undefined || isGivenUp(reader, world.faults)) continue;
    tasks.set(resumeKey, reader);
  }
  const logs = new Map<string, Told[]>();
  for (const instance of world.alive) {
    for (const reader of await world.readAll(tasks.keys(), instance)) {
      if (reader.failure !== undefined) throw reader.failure as Error;
      if (world.hasLostData && reader.over === 'gone') continue;
      const taskId = tasks.get(reader.resumeKey ?? '')?.taskId ?? reader.query;
      assert.equal(reader.over, 'ended', `${taskId} has no end on ${instance.name}`);
      const known = logs.get(taskId) ?? reader.told;
      const both = Math.min(known.length, reader.told.length); // a copy may keep more than the store, or less
      const isTrimmed = world.options.maxEventsPerTask < 10_000;
      assert.ok(isTrimmed || known.length === reader.told.length, `${taskId} is longer on one instance`);
      for (let back = 1; back <= both; back++) {
        const [one, other] = [reader.told.at(-back)!, known.at(-back)!];
        if (!isSame(one, other)) assert.deepEqual(one, other, `${taskId} is told differently by two instances`);
      }
      logs.set(taskId, reader.told);
      if (!world.hasLostData && reader.gaps.length === 0) checkLog(reader.told, world);
    }
  }
}

/** What was acknowledged is there, nothing is there twice, and no attempt writes after a later one. */
function checkLog(log: readonly Told[], { diary }: World): void {
  const said = log.filter(({ event }) => event === undefined).map(({ data }) => data);
  assert.equal(new Set(said).size, said.length, 'an event is in the log twice');
  const attempts = said.map((data) => (JSON.parse(data) as Said).attempt);
  assert.deepEqual(
    attempts,
    [...attempts].sort((a, b) => a - b),
    'two attempts have written by turns',
  );
  const [first] = said;
  if (first === undefined) return;
  const { plan } = JSON.parse(first) as Said;
  for (const acknowledged of diary.acknowledged.get(plan) ?? []) {
    assert.ok(said.includes(acknowledged), `${acknowledged} was acknowledged and is not in the log`);
  }
}

/** Every count is what lives, and every index entry has its task. */
async function checkNothingIsLeft(world: World): Promise<void> {
  for (const reader of world.readers) reader.cut();
  await world.until(3 * world.options.leaseMs + 5_000, () => whatIsLeft(world) === undefined);
  assert.equal(whatIsLeft(world), undefined);
}

/** The first thing that is left of tasks and connections when all of them are over. */
function whatIsLeft(world: World): string | undefined {
  for (const { name, machine, tasks } of world.alive) {
    const { running, connections } = tasks.getStatistics();
    if ((world.diary.running.get(machine) ?? 0) > 0) return `a job still runs on ${name}`;
    if (running > 0) return `${name} counts a task that does not run`;
    if (connections > 0) return `${name} counts a connection that is closed`;
  }
  const state = world.server.store?.state;
  if (state === undefined) return undefined;
  const alive = new Set(world.alive.map(({ storeName }) => storeName));
  for (const { status, draft, audience } of state.tasks.values()) {
    if (status === 'running') return `${draft.taskId} runs, and nobody runs it`;
    for (const { instance, count } of audience.values())
      if (count > 0 && alive.has(instance)) return `somebody is counted for ${draft.taskId} who has left`;
  }
  // What the index of an instance that is gone still names has ended: a call of its own may have come late.
  for (const [instance, taskIds] of state.running)
    for (const taskId of taskIds) if (alive.has(instance)) return `the index of running tasks names ${taskId}`;
  for (const taskId of state.orphans.keys()) return `the list of orphans names ${taskId}`;
  return undefined;
}
