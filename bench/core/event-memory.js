// What one buffered event costs in memory, beside the bytes that go over the wire.
import { Actor } from '../harness/actor.js';
import { integer, settledMemory } from '../harness/figures.js';
import { createTaskManager, runDetached } from '../harness/manager.js';

const EVENTS = 200_000;
const TARGET = 8;

export async function measure() {
  const manager = createTaskManager({ maxEventsPerTask: EVENTS, maxBytesPerTask: 2 ** 26 });
  return runDetached(manager, async ({ taskId, updateProgress }) => {
    const before = await settledMemory();
    for (let i = 0; i < EVENTS; i++) await updateProgress({ step: i, total: EVENTS, percent: (100 * i) / EVENTS });
    const after = await settledMemory();
    const { bufferedEvents, bufferedBytes } = await manager.getTaskInfo(taskId);
    if (bufferedEvents !== EVENTS) throw new Error(`${bufferedEvents} events were kept`);
    return { used: after.used - before.used, wire: bufferedBytes };
  });
}

export async function run() {
  const actor = await Actor.spawn(import.meta.url);
  const { used, wire } = await actor.call('measure');
  await actor.exit();
  const extra = (used - wire) / EVENTS;
  return [
    {
      workload: `memory of one buffered event (${integer(EVENTS)} kept)`,
      target: `≤ its wire bytes + ${TARGET} B`,
      figure: `+ ${extra.toFixed(1)} B (wire ${(wire / EVENTS).toFixed(1)} B)`,
      ok: extra <= TARGET,
    },
  ];
}
