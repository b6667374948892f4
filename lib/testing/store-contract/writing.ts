/** Tests that a store numbers and keeps events, and ends a task once. */
import { expect } from '../expect.js';
import type { FinalStatus } from '../../core/task/status.js';
import { encodeEvent } from '../../sse/frame.js';
import { codeOf } from '../store-fixtures.js';
import { reading, recordOf, started } from './steps.js';
import type { StoreSuite } from './opened-store.js';

const ENDS: readonly [FinalStatus, string][] = [
  ['completed', 'complete'],
  ['failed', 'failed'],
  ['cancelled', 'cancelled'],
];

export function describeStoreWriting({ describe, it, open }: StoreSuite): void {
  describe('appending', () => {
    it('numbers the events 1, 2, 3 in the order of the calls, awaited or not', async () => {
      const { store } = await open();
      const { taskId, writer } = await started(store);
      const committed: unknown[] = [];
      for (let n = 1; n <= 300; n++) {
        const commit = writer.append(n % 3 ? undefined : 'third', `{"n":${n}}`);
        if (n % 7 === 0) await commit;
        committed.push(commit);
      }
      await Promise.all(committed);
      const reader = await (await reading(store, taskId)).until(300);
      expect(reader.frames).toEqual(
        Array.from({ length: 300 }, (_, i) => ({
          seq: i + 1,
          event: (i + 1) % 3 ? undefined : 'third',
          data: `{"n":${i + 1}}`,
        })),
      );
      reader.close();
    });

    it('writes the bytes that its settings encode, and counts them', async () => {
      const { store } = await open();
      const { taskId, writer, draft } = await started(store);
      await writer.append('named', '"ü ☃ 😀 \\r\\n"');
      await writer.append(undefined, '1');
      const expected =
        encodeEvent(draft.resumeKey, 1, 'named', '"ü ☃ 😀 \\r\\n"') + encodeEvent(draft.resumeKey, 2, undefined, '1');
      const feed = (await store.open(taskId))!;
      const reader = await (await reading(store, taskId)).until(2);
      expect(feed.log.readAfter(0)?.bytes.toString()).toBe(expected);
      expect(await recordOf(store, { taskId })).toMatchObject({
        bufferedEvents: 2,
        bufferedBytes: Buffer.byteLength(expected),
        lastSeq: 2,
        firstKeptSeq: 1,
      });
      reader.close();
    });

    it('keeps the last progress, which named events do not change', async () => {
      const { store, peer } = await open();
      const { taskId, writer } = await started(store);
      await writer.append(undefined, '1');
      await writer.append(undefined, '{"step":2}');
      await writer.append('named', '3');
      expect(await recordOf(peer, { taskId })).toMatchObject({
        progress: '{"step":2}',
        outcome: undefined,
        lastSeq: 3,
      });
    });

    it('says when it was created and when it last grew', async () => {
      const { store, advance } = await open();
      const { taskId, writer } = await started(store);
      const { createdAtMs } = await recordOf(store, { taskId });
      await advance(50);
      await writer.append(undefined, '1');
      const record = await recordOf(store, { taskId });
      expect(record.createdAtMs).toBe(createdAtMs);
      expect(record.updatedAtMs).toBeGreaterThanOrEqual(createdAtMs + 50);
    });
  });

  describe('finishing', () => {
    for (const [status, event] of ENDS)
      it(`as ${status} appends ${event}, the last event of the log`, async () => {
        const { store, peer } = await open();
        const { taskId, writer } = await started(store);
        await writer.append(undefined, '1');
        await writer.finish(status, '{"why":1}');
        expect(await recordOf(peer, { taskId })).toMatchObject({
          status,
          lastSeq: 2,
          progress: '1',
          outcome: '{"why":1}',
        });
        const reader = await (await reading(peer, taskId)).untilFinished();
        expect(reader.frames.at(-1)).toEqual({ seq: 2, event, data: '{"why":1}' });
        reader.close();
      });

    it('comes after every append before it, awaited or not', async () => {
      const { store } = await open();
      const { taskId, writer } = await started(store);
      await Promise.all([
        writer.append(undefined, '1'),
        writer.append(undefined, '2'),
        writer.finish('completed', '{}'),
      ]);
      const reader = await (await reading(store, taskId)).untilFinished();
      expect(reader.frames.map(({ data }) => data)).toEqual(['1', '2', '{}']);
      reader.close();
    });

    for (const [status] of ENDS)
      it(`as ${status} is final: no second end, no event after it`, async () => {
        const { store } = await open();
        const { taskId, writer } = await started(store);
        await writer.finish(status, '"first"');
        for (const [second] of ENDS) {
          expect(await codeOf(async () => writer.finish(second, '"second"'))).toBe('TASK_NOT_RUNNING');
        }
        expect(await codeOf(async () => writer.append(undefined, '2'))).toBe('TASK_NOT_RUNNING');
        expect(await recordOf(store, { taskId })).toMatchObject({
          status,
          lastSeq: 1,
          outcome: '"first"',
          progress: undefined,
          bufferedEvents: 1,
        });
      });

    it('has one winner among concurrent ends', async () => {
      const { store } = await open();
      const { taskId, writer } = await started(store);
      const codes = await Promise.all(ENDS.map(async ([status]) => codeOf(async () => writer.finish(status, '{}'))));
      expect(codes).toEqual([undefined, 'TASK_NOT_RUNNING', 'TASK_NOT_RUNNING']);
      expect(await recordOf(store, { taskId })).toMatchObject({ status: 'completed', lastSeq: 1 });
    });
  });
}
