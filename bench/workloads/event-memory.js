// What one buffered event costs in memory, beside the bytes that go over the wire.
import { Actor } from '../harness/actor.js';
import { integer, settledMemory } from '../harness/figures.js';
import { createTaskManager, runDetached } from '../harness/manager.js';
import { judge } from '../harness/rows.js';

const TARGET = 8;

export async function measure(events) {
  const manager = createTaskManager({ maxEventsPerTask: events, maxBytesPerTask: 2 ** 26 });
  return runDetached(manager, async ({ taskId, updateProgress }) => {
    const before = await settledMemory();
    for (let i = 0; i < events; i++) await updateProgress({ step: i, total: events, percent: (100 * i) / events });
    const after = await settledMemory();
    const { bufferedEvents, bufferedBytes } = await manager.getTaskInfo(taskId);
    if (bufferedEvents !== events) throw new Error(`${bufferedEvents} events were kept`);
    return { used: after.used - before.used, wire: bufferedBytes };
  });
}

export async function run({ quick }) {
  const events = quick ? 20_000 : 200_000;
  const actor = await Actor.spawn(import.meta.url, 'server');
  const { used, wire } = await actor.call('measure', events);
  await actor.exit();
  const workload = `memory of one buffered event, ${integer(events)} kept`;
  const unit = 'B over its wire bytes';
  return [judge({ workload, unit, samples: { ours: [(used - wire) / events] }, targets: [{ most: TARGET }] })];
}
