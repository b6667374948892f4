import type { AsyncTask, TaskManager } from '../../lib/index.js';
import { announceSeed, createRandom } from '../support/random/random.js';

/** `RACES=200 npx jest slots` runs as many of each. */
const RACES = Number(process.env['RACES'] ?? 3);

/** What every store owes a slot: of any number of starts at once, on any of its instances, one task is left that runs. */
export function describeSlotRaces(name: string, open: () => Promise<readonly TaskManager[]>, starts: number): void {
  describe(`${name}: ${starts} starts of one slot at once, ${RACES} times`, () => {
    const seed = announceSeed('slots');

    it.each(['reject', 'attach', 'interrupt'] as const)(
      'leave exactly one running task: %s',
      async (onBusy) => {
        const random = createRandom(seed);
        const managers = await open();
        for (let race = 0; race < RACES; race++) {
          const [first] = managers as [TaskManager];
          const runs = recordedRuns(first);
          const slot = `${onBusy} ${race}`;
          const outcomes = await Promise.allSettled(
            Array.from({ length: starts }, async (_, n) => {
              if (random.int(0, 1)) await new Promise((resolve) => setImmediate(resolve));
              return managers[n % managers.length]!.start(runs.job, { slot, onBusy });
            }),
          );
          const codes = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason.code] : []));
          expect(codes).toEqual(Array.from({ length: onBusy === 'reject' ? starts - 1 : 0 }, () => 'SLOT_BUSY'));
          await expectOneLeft(managers, slot, onBusy === 'interrupt' ? starts : 1);
          await runs.expectOneAfterAnother();
          await cancelRunning(first, slot);
        }
      },
      120_000 + RACES * 3_000,
    );
  });
}

/** A job that runs until it is stopped, and asks at its start after the tasks that were started just before it. */
function recordedRuns(tasks: TaskManager): { job: AsyncTask; expectOneAfterAnother: () => Promise<void> } {
  const begun: string[] = [];
  const looks: Promise<unknown[]>[] = [];
  return {
    job: async ({ taskId, signal }) => {
      const before = begun.slice(-5);
      begun.push(taskId);
      looks.push(Promise.all(before.map(async (other) => (await tasks.getTaskInfo(other)).status)));
      await new Promise<void>((resolve) => {
        signal.addEventListener('abort', () => {
          resolve();
        });
      });
    },
    async expectOneAfterAnother() {
      expect(new Set(begun).size).toBe(begun.length);
      expect((await Promise.all(looks)).flat().filter((status) => status === 'running')).toEqual([]);
    },
  };
}

async function expectOneLeft(managers: readonly TaskManager[], slot: string, started: number): Promise<void> {
  const found = await Promise.all(managers.map((tasks) => tasks.find({ slot })));
  expect(found[0]?.status).toBe('running');
  expect(new Set(found.map((task) => task?.taskId)).size).toBe(1);
  const listed = (await managers[0]!.listTasks({ limit: 2 * started })).filter((task) => task.slot === slot);
  expect(listed).toHaveLength(started);
  const others = listed.filter(({ taskId }) => taskId !== found[0]?.taskId);
  const infos = await Promise.all(others.map(({ taskId }) => managers[0]!.getTaskInfo(taskId)));
  for (const { status, error } of infos) {
    expect({ status, code: error?.code }).toEqual({ status: 'cancelled', code: 'TASK_SUPERSEDED' });
  }
}

async function cancelRunning(tasks: TaskManager, slot: string): Promise<void> {
  const { taskId } = (await tasks.find({ slot })) as { taskId: string };
  await tasks.cancelTask(taskId);
}
