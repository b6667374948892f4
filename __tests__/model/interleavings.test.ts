import { strict as assert } from 'node:assert';
import type { IncomingMessage } from 'node:http';
import fc from 'fast-check';
import { createTaskManager, type AsyncTask, type TaskStream } from '../../lib/index.js';
import { ManualClock } from '../support/clock/manual-clock.js';
import { fakeRequest, MemoryResponse } from '../support/sse/memory-response.js';
import { itHolds, turns } from './property.js';
import { OWNER_HEADER } from './settings.js';
import { Wire } from './wire.js';

/* Several clients and one job take their turns in any order; who may do what is looked up in between. */

interface Visit {
  /** The connection breaks after so many turns; 0: it holds. */
  readonly dropAfter: number;
  /** So many bytes are taken at each turn; Infinity: all at once. */
  readonly bytes: number;
  readonly owner: 'anna' | 'bert';
}

interface Plan {
  readonly events: number;
  readonly end: 'complete' | 'fail';
  /** One client each, which comes back after every visit until it was told the end. */
  readonly clients: readonly (readonly Visit[])[];
}

const plan: fc.Arbitrary<Plan> = fc.record({
  events: fc.integer({ min: 0, max: 25 }),
  end: fc.constantFrom('complete', 'fail'),
  clients: fc.array(
    fc.array(
      fc.record({
        dropAfter: fc.integer({ min: 0, max: 6 }),
        bytes: fc.constantFrom(7, 90, 1_000, Infinity),
        owner: fc.constantFrom('anna', 'anna', 'anna', 'bert'),
      }),
      { minLength: 1, maxLength: 5 },
    ),
    { maxLength: 4 },
  ),
});

/** Runs `plan` and returns what every client was told, in order, and the log as it is at the end. */
async function play(
  scheduler: fc.Scheduler,
  { events, end, clients }: Plan,
): Promise<{ told: string[][]; log: string[] }> {
  const owner = (req: IncomingMessage): Promise<string | undefined> =>
    scheduler.schedule(Promise.resolve(req.headers[OWNER_HEADER] as string | undefined), 'owner');
  const clock = new ManualClock();
  const onTaskError = (): void => undefined;
  const manager = createTaskManager({ clock, owner, onTaskError, abandonAfterMs: Infinity });
  const turn = (label: string): Promise<void> => scheduler.schedule(Promise.resolve(), label);
  let executions = 0;
  const job: AsyncTask = async (context) => {
    executions++;
    for (let n = 1; n <= events; n++) {
      await turn(`event ${n}`);
      void context.updateProgress(n);
    }
    await turn('end');
    if (end === 'fail') throw new Error('no paper');
    return 'done';
  };

  const open = (visitor: 'anna' | 'bert', headers: Record<string, string>): Promise<TaskStream> =>
    manager.executeWithSSE(fakeRequest('/job', { ...headers, [OWNER_HEADER]: visitor }), undefined, undefined, job);

  const told: string[][] = clients.map(() => []);
  /** The keys of the tasks that were started: one for anna and, where he starts one as well, one for bert. */
  const keys = new Map<string, string>();
  const follow = async (visits: readonly Visit[], seen: string[]): Promise<void> => {
    let lastEventId: string | undefined;
    const forever: Visit = { dropAfter: 0, bytes: Infinity, owner: 'anna' };
    for (const visit of [...visits, forever]) {
      // Who has no position yet starts: all of them the same task, by its idempotency key.
      const headers = lastEventId === undefined ? { 'idempotency-key': 'report' } : { 'last-event-id': lastEventId };
      const foreign = visit.owner === 'bert';
      const stream = await open(visit.owner, headers).catch((error: unknown) => {
        assert.equal((error as { code?: string }).code, 'TASK_NOT_FOUND');
        assert.ok(foreign && lastEventId !== undefined, 'only somebody else is told that there is no such task');
      });
      if (stream === undefined) continue;
      assert.ok(!foreign || lastEventId === undefined, 'nobody attaches to the task of somebody else');
      assert.equal(stream.resumeKey, keys.get(visit.owner) ?? stream.resumeKey, 'one owner and key, one task');
      keys.set(visit.owner, stream.resumeKey);
      const wire = new Wire();
      const response = new MemoryResponse({
        taking: visit.bytes === Infinity,
        highWaterMark: 200,
        onReceive: (bytes) => {
          wire.feed(bytes);
        },
      });
      const over = stream.pipe(response.res);
      for (let n = 0; !response.closed && (visit.dropAfter === 0 || n < visit.dropAfter); n++) {
        await turn('client');
        response.take(visit.bytes);
      }
      response.drop();
      await over;
      assert.deepEqual(response.misuse, []);
      if (foreign) continue;
      lastEventId = wire.lastEventId ?? lastEventId;
      seen.push(...wire.events.slice(1).map(({ id, data }) => `${id?.split('.')[1] ?? ''} ${data}`));
      if (response.status === 204) return;
    }
  };

  const starting = open('anna', { 'idempotency-key': 'report' });
  let left = clients.length;
  const over = clients.map((visits, at) =>
    follow(visits, told[at]!).finally(() => {
      left--;
    }),
  );
  for (let idle = 0; idle < 3; idle = scheduler.count() === 0 ? idle + 1 : 0) {
    if (scheduler.count() > 0) await scheduler.waitNext(1);
    await turns(1);
  }
  assert.equal(left, 0, 'every client was told the end');
  await Promise.all(over);
  const starter = await starting;
  assert.equal(
    executions,
    Math.max(1, new Set([starter.resumeKey, ...keys.values()]).size),
    'one run per owner and key',
  );

  const log: string[] = [];
  for await (const event of starter) log.push(JSON.stringify(event).replaceAll(starter.taskId, 'task'));
  return { told: told.map((texts) => texts.map((text) => text.replaceAll(starter.taskId, 'task'))), log };
}

itHolds(
  'whatever turns they take, all clients are told the same, all of it, each event once',
  80,
  [fc.scheduler(), plan],
  async (scheduler, drawn) => {
    const { told } = await play(scheduler, drawn);
    const last =
      drawn.end === 'complete'
        ? '{"task_id":"task","status":"completed","result":"done"}'
        : '{"task_id":"task","status":"failed","error":{"code":"TASK_FAILED","message":"The task failed"}}';
    const all = Array.from({ length: drawn.events }, (_, at) => `${at + 1} ${at + 1}`);
    for (const texts of told) assert.deepEqual(texts, [...all, `${drawn.events + 1} ${last}`]);
  },
);

itHolds(
  'the number and kind of subscribers changes nothing in the log',
  40,
  [fc.scheduler(), fc.scheduler(), plan],
  async (watched, alone, drawn) => {
    const { log } = await play(watched, drawn);
    assert.deepEqual(log, (await play(alone, { ...drawn, clients: [] })).log);
  },
);
